/**
 * Dials WebSocket with what a page has: `ws://` and `wss://`, by the platform's own WebSocket, which can only offer
 * `ZWS2.0`, without a mechanism. It imports nothing of Node. A page cannot be listened at.
 */
import { concat, copyOf, dirtyBytes, noBytes } from "../../core/bytes.ts"
import { type Clock, systemClock, type Timer } from "../../core/clock.ts"
import { messageOf, ZincError } from "../../core/errors.ts"
import { commandName } from "../../zmtp/command.ts"
import { Flag, longHeaderBytes, writeHeader } from "../../zmtp/frame.ts"
import { FrameCursor } from "../../zmtp/frame-cursor.ts"
import { ZwsFlag } from "../../zmtp/websocket/opcode.ts"
import { GreetingCutter, type Outgoing, ZwsSession } from "../../zmtp/websocket/session.ts"
import { subprotocolsFor } from "../../zmtp/websocket/upgrade.ts"
import { badAddress, parseAddress } from "../address.ts"
import type { ByteStream, ByteStreamHandler, Carrier, CarrierListener } from "../carrier.ts"

/** What we use of the platform's WebSocket. */
export interface PlatformWebSocket {
  binaryType: string
  readonly bufferedAmount: number
  readonly protocol: string
  onopen: ((event: never) => void) | null
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onerror: ((event: never) => void) | null
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null
  send(data: Uint8Array<ArrayBuffer>): void
  close(code?: number): void
}
export type PlatformWebSocketClass = new (address: string, protocols: readonly string[]) => PlatformWebSocket

export interface BrowserWebSocketCarrierOptions {
  readonly clock?: Clock
  /** For the connection and its upgrade; the platform would wait for minutes. Default 30,000. */
  readonly dialTimeoutMs?: number
  /** Default: the platform's. */
  readonly WebSocket?: PlatformWebSocketClass
}

/** The only subprotocol a page can name: "/" is no letter of such names. */
const bare = subprotocolsFor("NULL").find(each => each.bare)!

/** Octets that may wait in the platform before `write` says so, and when it says that there is room again. */
const highBytes = 1024 * 1024
const lowBytes = 256 * 1024
/** The platform tells of no drain; it is looked for this often. */
const lookMs = 10
/** Most that is kept while its reader has paused, for the platform cannot be told to wait. */
const pausedMax = 16 * 1024 * 1024

export class BrowserWebSocketCarrier implements Carrier {
  readonly schemes: readonly string[] = ["ws", "wss"]
  readonly #clock: Clock
  readonly #class: PlatformWebSocketClass | undefined
  readonly #dialTimeoutMs: number

  constructor(options: BrowserWebSocketCarrierOptions = {}) {
    this.#dialTimeoutMs = options.dialTimeoutMs ?? 30_000
    this.#clock = options.clock ?? systemClock
    this.#class = options.WebSocket ?? (globalThis as { WebSocket?: PlatformWebSocketClass }).WebSocket
  }

  listen(address: string): Promise<CarrierListener> {
    return Promise.reject(badAddress(address, "nobody can listen in a page; host in a process of its own"))
  }

  dial(address: string, options: { readonly signal: AbortSignal }): Promise<ByteStream> {
    const { signal } = options
    return new Promise((resolve, reject) => {
      const { scheme } = parseAddress(address)
      if (scheme !== "ws" && scheme !== "wss") throw badAddress(address, "a page can dial ws:// and wss://")
      if (this.#class === undefined) throw new ZincError("Unsupported", "there is no WebSocket on this platform")
      const aborted = () => new ZincError("Aborted", `dialling ${address} was aborted`, { cause: signal.reason })
      if (signal.aborted) throw aborted()
      let socket: PlatformWebSocket
      try {
        socket = new this.#class(address, [bare.name])
      } catch (cause) {
        throw new ZincError("BadAddress", `${address} cannot be dialled: ${messageOf(cause)}`, { cause })
      }
      socket.binaryType = "arraybuffer"
      const give = (error: ZincError) => {
        timer.cancel()
        signal.removeEventListener("abort", onAbort)
        socket.onclose = null
        socket.close()
        reject(error)
      }
      const onAbort = () => give(aborted())
      const late = `${address} did not answer within ${this.#dialTimeoutMs} ms`
      const timer = this.#clock.after(this.#dialTimeoutMs, () =>
        give(new ZincError("Timeout", late, { retryable: true })),
      )
      signal.addEventListener("abort", onAbort, { once: true })
      socket.onerror = () => {}
      socket.onclose = ({ code }) => {
        timer.cancel()
        signal.removeEventListener("abort", onAbort)
        // A page is not told why.
        const why = `no WebSocket connection with ${address} (${code}); is a host there, and may this page's origin connect?`
        reject(new ZincError("Unreachable", why, { retryable: true }))
      }
      socket.onopen = () => {
        timer.cancel()
        signal.removeEventListener("abort", onAbort)
        resolve(new BrowserStream(socket, address, this.#clock))
      }
    })
  }
}

const cursor = new FrameCursor()

/** A platform WebSocket that speaks ZMTP to our engine. */
class BrowserStream implements ByteStream {
  readonly remote: string
  readonly #socket: PlatformWebSocket
  readonly #clock: Clock
  readonly #session = new ZwsSession({ subprotocol: bare, client: true, peerType: undefined })
  readonly #greeting = new GreetingCutter()
  #handler: ByteStreamHandler | undefined
  #first = true
  #inbox: Uint8Array[] = []
  #inboxBytes = 0
  #paused = false
  #ended = false
  #closed = false
  #error: ZincError | undefined
  #timer: Timer | undefined

  constructor(socket: PlatformWebSocket, remote: string, clock: Clock) {
    this.#socket = socket
    this.remote = remote
    this.#clock = clock
    socket.onmessage = ({ data }) => this.#message(data)
    socket.onclose = ({ code }) => this.#close(code)
  }

  start(handler: ByteStreamHandler): void {
    this.#handler = handler
    this.#clock.soon(() => {
      handler.onBytes(this.#session.greeting())
      this.#deliver()
    })
  }

  get waiting(): number {
    return this.#socket.bufferedAmount
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#ended || this.#closed) return false
    cursor.start(this.#greeting.cut(chunks))
    while (cursor.next()) {
      const isCommand = (cursor.flags & Flag.Command) !== 0
      const message = new Uint8Array(1 + cursor.size)
      message[0] = isCommand ? ZwsFlag.Command : cursor.flags & Flag.More ? ZwsFlag.More : ZwsFlag.Last
      cursor.copyBody(message, 1)
      if (isCommand && commandName(message, 1, message.length) === "READY") {
        const answer = this.#session.ready(message.subarray(1))
        if (answer !== undefined) this.#socket.send(encode(answer))
      } else this.#socket.send(message)
    }
    if (this.#socket.bufferedAmount < highBytes) return true
    this.#timer ??= this.#clock.after(lookMs, this.#look)
    return false
  }

  readonly #look = (): void => {
    this.#timer = undefined
    if (this.#ended || this.#closed) return
    if (this.#socket.bufferedAmount > lowBytes) this.#timer = this.#clock.after(lookMs, this.#look)
    else this.#handler?.onDrain()
  }

  pause(): void {
    this.#paused = true
  }
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#clock.soon(() => this.#deliver())
  }

  /** The platform sends what it has, then closes. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#inbox = []
    this.#socket.close(1000)
  }
  destroy(): void {
    this.#ended = true
    this.#inbox = []
    this.#timer?.cancel()
    if (!this.#closed) this.#socket.close()
    // The platform may wait for the peer; whoever destroys does not.
    this.#clock.soon(() => this.#tellClosed())
  }

  #message(data: unknown): void {
    if (this.#ended || this.#closed) return
    if (!(data instanceof ArrayBuffer) || data.byteLength === 0) {
      this.#fail(new ZincError("BadFrame", `${this.remote} sent what is no frame of ZWS`))
      return
    }
    const bytes = new Uint8Array(data)
    this.#inbox.push(bytes)
    this.#inboxBytes += bytes.length
    if (!this.#paused && this.#handler !== undefined) this.#deliver()
    else if (this.#inboxBytes > pausedMax) {
      this.#fail(
        new ZincError(
          "TooSlow",
          `more than ${pausedMax} octets of ${this.remote} wait here, and a page cannot hold it back`,
        ),
      )
    }
  }

  /** What has come, as frames of ZMTP, in one run. */
  #deliver(): void {
    const handler = this.#handler
    if (handler === undefined || this.#paused || this.#ended || this.#inbox.length === 0) return
    const messages = this.#inbox
    this.#inbox = []
    this.#inboxBytes = 0
    const frames: Uint8Array[] = []
    for (const message of messages) {
      const flag = message[0]!
      const body = message.subarray(1)
      if (flag > ZwsFlag.Command) {
        this.#fail(new ZincError("BadFrame", `${this.remote} sent a message with an unknown flag`))
        return
      }
      if (this.#first) {
        this.#first = false
        const { ready } = this.#session.first(flag === ZwsFlag.Command, body)
        if (ready !== undefined) {
          frames.push(ready)
          continue
        }
      }
      const head = dirtyBytes(longHeaderBytes)
      const flags = flag === ZwsFlag.Command ? Flag.Command : flag === ZwsFlag.More ? Flag.More : 0
      frames.push(head.subarray(0, writeHeader(head, 0, flags, body.length)), body)
    }
    handler.onBytes(frames.length === 1 ? copyOf(frames[0]!) : concat(frames))
  }

  #fail(error: ZincError): void {
    this.#error = error
    this.destroy()
  }

  #close(code: number): void {
    if (code === 1006 && !this.#ended) {
      this.#error ??= new ZincError("PeerLost", `the connection to ${this.remote} broke`, { retryable: true })
    }
    this.#tellClosed()
  }

  #tellClosed(): void {
    if (this.#closed) return
    this.#closed = true
    this.#ended = true
    this.#timer?.cancel()
    if (this.#error === undefined) this.#handler?.onClose()
    else this.#handler?.onClose(this.#error)
  }
}

function encode(message: Outgoing): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1 + message.body.length)
  bytes[0] = message.isCommand ? ZwsFlag.Command : ZwsFlag.Last
  bytes.set(message.body ?? noBytes, 1)
  return bytes
}

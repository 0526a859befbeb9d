/**
 * A WebSocket connection that speaks ZWS 2.0 to the peer and ZMTP to our engine, over a stream of octets. The engine's
 * greeting says which mechanism it wants; with that the client makes its request, and the server its answer.
 */
import { createHash } from "node:crypto"
import { copyOf, noBytes, utf8 } from "../../core/bytes.ts"
import type { Clock, Timer } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import type { Random } from "../../core/random.ts"
import { Arena } from "../../zmtp/arena.ts"
import { commandName } from "../../zmtp/command.ts"
import { CloseCode, Opcode, ZwsFlag } from "../../zmtp/websocket/opcode.ts"
import { WebSocketReader, type WebSocketSink } from "../../zmtp/websocket/reader.ts"
import { GreetingCutter, type Outgoing, ZwsSession } from "../../zmtp/websocket/session.ts"
import {
  acceptSuffix,
  encodeAcceptance,
  encodeRefusal,
  encodeRequest,
  HeadReader,
  parseResponse,
  type Subprotocol,
  subprotocolsFor,
  UpgradeRefusal,
} from "../../zmtp/websocket/upgrade.ts"
import { WebSocketWriter } from "../../zmtp/websocket/writer.ts"
import type { ByteStream, ByteStreamHandler } from "../carrier.ts"

export interface WebSocketParts {
  readonly clock: Clock
  readonly random: Random
  /** Largest message taken in fragments. */
  readonly maxFragmentedBytes: number
}

/** What a client asks for, or what a server was asked. */
export type WebSocketSide =
  | { readonly side: "client"; readonly path: string; readonly host: string }
  | {
      readonly side: "server"
      readonly key: string
      readonly offers: readonly string[]
      readonly peerType: string | undefined
      /** What came after the request. */
      readonly rest: Uint8Array
    }

/** How long the peer may take to close after a Close of either side. */
const closeGraceMs = 2_000

/** Where all streams unmask what they read, one chunk after another: who gets it borrows it. */
const arena = new Arena()

export class WebSocketStream implements ByteStream, ByteStreamHandler, WebSocketSink {
  readonly #inner: ByteStream
  readonly #side: WebSocketSide
  readonly #parts: WebSocketParts
  readonly #writer: WebSocketWriter
  readonly #reader: WebSocketReader
  readonly #greeting = new GreetingCutter()
  #handler: ByteStreamHandler | undefined
  #session: ZwsSession | undefined
  /** A client's, while the answer is awaited. */
  #head: HeadReader | undefined
  #offers: readonly Subprotocol[] = []
  #key = ""
  /** What the engine wrote before it could be sent. */
  #early: Uint8Array[] = []
  #owesDrain = false
  /** The inner stream has not yet taken all it was given. */
  #busy = false
  /** The answer to the newest PING, for when it has. */
  #pong: Uint8Array | undefined
  #ended = false
  #error: ZincError | undefined
  #timer: Timer | undefined

  constructor(inner: ByteStream, side: WebSocketSide, parts: WebSocketParts) {
    this.#inner = inner
    this.#side = side
    this.#parts = parts
    const client = side.side === "client"
    this.#writer = new WebSocketWriter(client ? parts.random : undefined)
    const { maxFragmentedBytes } = parts
    this.#reader = new WebSocketReader({ masked: !client, maxFragmentedBytes, arena }, this)
  }

  get remote(): string {
    return this.#inner.remote
  }
  get waiting(): number {
    return this.#inner.waiting
  }

  get heldBytes(): number {
    return this.#reader.heldBytes
  }

  start(handler: ByteStreamHandler): void {
    this.#handler = handler
    if (this.#side.side === "client") this.#inner.start(this)
    else this.#parts.clock.soon(() => this.#opened())
  }

  /** The engine is told of the peer's greeting, and what came with the request is read. */
  #opened(): void {
    if (this.#session === undefined || this.#handler === undefined || this.#ended) return
    this.#reader.expectsFirst = this.#session.subprotocol.bare
    this.#handler.onBytes(this.#session.greeting())
    if (this.#side.side === "server" && this.#side.rest.length > 0) this.onBytes(this.#side.rest)
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#ended) return false
    const first = this.#greeting.mechanism === undefined
    const rest = this.#greeting.cut(chunks)
    if (first && this.#greeting.mechanism !== undefined) this.#begin(this.#greeting.mechanism)
    if (this.#ended) return false
    if (this.#session === undefined) {
      for (const chunk of rest) this.#early.push(copyOf(chunk))
      this.#owesDrain = true
      return false
    }
    return rest.length === 0 ? !this.#busy : this.#send(rest)
  }

  pause(): void {
    this.#inner.pause()
  }
  resume(): void {
    this.#inner.resume()
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#session !== undefined) this.#inner.write([this.#close(CloseCode.Normal)])
    this.#finish()
  }

  destroy(): void {
    this.#ended = true
    this.#timer?.cancel()
    this.#reader.stop()
    this.#inner.destroy()
  }

  // ---- the inner stream tells ----

  onBytes(chunk: Uint8Array): void {
    if (this.#ended) return
    if (this.#head !== undefined) this.#readAnswer(chunk)
    else if (this.#session !== undefined) this.#read(chunk)
    else this.#fail(new ZincError("BadFrame", "the peer sent something before it was answered"))
  }
  onBorrowed(chunk: Uint8Array): void {
    this.onBytes(chunk)
  }

  onDrain(): void {
    this.#busy = false
    this.#writer.taken()
    if (this.#pong !== undefined && !this.#ended) {
      const pong = this.#pong
      this.#pong = undefined
      this.#busy = !this.#inner.write([pong])
      if (this.#busy) return
    }
    this.#tellDrain()
  }

  onClose(error?: Error): void {
    this.#ended = true
    this.#timer?.cancel()
    this.#reader.stop()
    const why = this.#error ?? error
    if (why === undefined) this.#handler?.onClose()
    else this.#handler?.onClose(why)
  }

  // ---- beginning ----

  #begin(mechanism: string): void {
    const offers = subprotocolsFor(mechanism)
    if (this.#side.side === "client") {
      this.#offers = offers
      this.#key = Buffer.from(this.#parts.random.bytes(16)).toString("base64")
      this.#head = new HeadReader()
      const { path, host } = this.#side
      const names = offers.map(each => each.name)
      this.#inner.write([utf8(encodeRequest({ path, host, key: this.#key, offers: names }))])
      return
    }
    const { offers: theirs, key, peerType } = this.#side
    // In the client's order, as libzmq's server chooses.
    const chosen = theirs.map(name => offers.find(each => each.name === name)).find(Boolean)
    if (chosen === undefined) {
      const spoken = offers.map(each => each.name).join(" or ")
      const refusal = new UpgradeRefusal("400 Bad Request", `offer the subprotocol ${spoken}`)
      this.#inner.write([utf8(encodeRefusal(refusal))])
      this.#error = new ZincError("HandshakeFailed", `it offers no subprotocol of ${spoken}`)
      this.#ended = true
      this.#finish()
      return
    }
    this.#session = new ZwsSession({ subprotocol: chosen, client: false, peerType })
    this.#busy = !this.#inner.write([utf8(encodeAcceptance(acceptOf(key), chosen.name))])
  }

  #readAnswer(chunk: Uint8Array): void {
    const head = this.#head!
    if (!head.read(chunk)) return
    this.#head = undefined
    const chosen = parseResponse(head, { accept: acceptOf(this.#key), offers: this.#offers })
    if (chosen instanceof ZincError) {
      this.#fail(chosen)
      return
    }
    this.#session = new ZwsSession({ subprotocol: chosen, client: true, peerType: undefined })
    const early = this.#early
    this.#early = []
    if (early.length > 0) this.#send(early)
    this.#opened()
    if (head.rest.length > 0) this.onBytes(head.rest)
    if (!this.#busy) this.#tellDrain()
  }

  // ---- frames that come ----

  #read(chunk: Uint8Array): void {
    const before = this.#reader.heldBytes
    // What was there before has been read.
    arena.at = 0
    const fault = this.#reader.read(chunk)
    if (this.#reader.heldBytes !== before) this.#sign()
    if (fault !== undefined && this.#error === undefined) this.#fail(fault)
  }

  onFrames(bytes: Uint8Array, own: boolean): void {
    const handler = this.#handler
    if (this.#ended || handler === undefined) return
    if (!own && handler.onBorrowed !== undefined) handler.onBorrowed(bytes)
    else handler.onBytes(own ? bytes : copyOf(bytes))
  }

  onFirst(flag: number, body: Uint8Array): boolean {
    const { ready, answer } = this.#session!.first(flag === ZwsFlag.Command, body)
    if (answer !== undefined) this.#out([this.#encode(answer)])
    if (ready !== undefined) this.#handler?.onBytes(ready)
    return ready === undefined
  }

  onPing(payload: Uint8Array): void {
    const pong = this.#writer.control(Opcode.Pong, payload)
    // Of answers only the newest waits, so that one who asks and does not read costs nothing.
    if (this.#busy) this.#pong = pong
    else this.#busy = !this.#inner.write([pong])
    this.#sign()
  }
  onPong(): void {
    this.#sign()
  }

  /** To the engine anything is a sign of life, were it nothing. */
  #sign(): void {
    if (!this.#ended) this.#handler?.onBytes(noBytes)
  }

  // ---- frames that go ----

  #send(chunks: readonly Uint8Array[]): boolean {
    const before: Uint8Array[] = []
    const pieces = this.#writer.write(chunks, body => this.#divert(body, before))
    return this.#out([...before, ...pieces])
  }

  /** Commands that travel otherwise: heartbeats as WebSocket's own, and READY, where there is none, as a name. */
  #divert(body: Uint8Array, before: Uint8Array[]): boolean {
    const name = commandName(body, 0, body.length)
    if (name === "PING") {
      before.push(this.#writer.control(Opcode.Ping, new Uint8Array(0)))
      return true
    }
    if (name !== "READY" || !this.#session!.subprotocol.bare) return false
    const answer = this.#session!.ready(body)
    if (answer !== undefined) before.push(this.#encode(answer))
    return true
  }

  #encode(message: Outgoing): Uint8Array {
    return this.#writer.message(message.isCommand ? ZwsFlag.Command : ZwsFlag.Last, message.body)
  }

  #out(pieces: Uint8Array[]): boolean {
    if (pieces.length > 0) this.#busy = !this.#inner.write(pieces)
    if (this.#busy) this.#owesDrain = true
    else this.#writer.taken()
    return !this.#busy
  }

  #tellDrain(): void {
    if (!this.#owesDrain || this.#ended) return
    this.#owesDrain = false
    this.#handler?.onDrain()
  }

  // ---- the end ----

  #fail(error: ZincError): void {
    this.#error = error
    if (this.#session !== undefined) this.#inner.write([this.#close(CloseCode.ProtocolError)])
    this.#ended = true
    this.#reader.stop()
    this.#finish()
  }

  #finish(): void {
    this.#inner.end()
    this.#timer ??= this.#parts.clock.after(closeGraceMs, () => this.#inner.destroy())
  }

  #close(code: number): Uint8Array {
    return this.#writer.control(Opcode.Close, Uint8Array.of(code >>> 8, code & 255))
  }

  /** The peer ends the connection by a Close, which is answered by one. */
  onPeerClose(): void {
    this.end()
  }
}

function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}${acceptSuffix}`).digest("base64")
}

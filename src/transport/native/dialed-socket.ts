/** The client's side over libzmq. A native socket is made fresh for each dial and never reconnects by itself (L2). */
import type { Dealer, Push, XSubscriber } from "zeromq"
import type { Timer } from "../../core/clock.ts"
import { type Deferred, deferred } from "../../core/deferred.ts"
import { ZincError } from "../../core/errors.ts"
import { FrameBatch } from "../../core/frame-batch.ts"
import { silentLogger } from "../../core/logger.ts"
import type {
  BatchHandler,
  DealerHandler,
  DealerSocket,
  DialedSocket,
  DialHandler,
  PusherSocket,
  SocketOptions,
  SubscriberHandler,
  SubscriberSocket,
} from "../transport.ts"
import { fromZeromq, toDial } from "./native-address.ts"
import {
  closeLingering,
  defaultHandshakeTimeoutMs,
  defaultLingerMs,
  defaultMaxMessageBytes,
  keep,
  type NativeContext,
  release,
  sizeOf,
  zeromqOptions,
} from "./native-socket.ts"
import { plain, ReceiveLoop } from "./receive-loop.ts"
import { SendQueue } from "./send-queue.ts"

type NativeDialed = Dealer | Push | XSubscriber

/**
 * Never, in effect: we close a socket that has lost its connection. libzmq's own "never" (-1) would throw away what had
 * come before the end and was not read yet.
 */
const neverMs = 2 ** 30

/** How often it is looked whether a lost connection has been read to its end. */
const unreadRetryMs = 2

/** Zeromq's options for a socket that dials once. */
function dialOptions(options: SocketOptions): Record<string, unknown> {
  // The handshake's time is ours to keep, so that it ends with the right error; libzmq's own stands behind.
  const handshakeInterval = 2 * (options.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs)
  return { ...zeromqOptions(options), handshakeInterval, reconnectInterval: neverMs, ipv6: true }
}

abstract class NativeDialedSocket implements DialedSocket {
  protected readonly context: NativeContext
  protected readonly socket: NativeDialed
  protected readonly options: SocketOptions
  readonly #what: string
  readonly #handler: DialHandler
  #dialing: { readonly address: string; readonly done: Deferred<void>; stop(): void } | undefined
  #dialed = false
  #connected = false
  #closed = false
  #closing: Promise<void> | undefined

  constructor(
    context: NativeContext,
    what: string,
    socket: NativeDialed,
    handler: DialHandler,
    options: SocketOptions,
  ) {
    this.context = context
    this.#what = what
    this.socket = socket
    this.#handler = handler
    this.options = options
    keep(this)
  }

  connect(address: string, options: { readonly signal: AbortSignal }): Promise<void> {
    const { signal } = options
    const done = deferred<void>()
    if (this.#closing !== undefined) {
      done.reject(this.#closedError())
      return done.promise
    }
    if (this.#dialed) {
      done.reject(new ZincError("BadOption", `the ${this.#what} has dialled before; make a new one for each dial`))
      return done.promise
    }
    this.#dialed = true
    const timeoutMs = this.options.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs
    const onAbort = () =>
      this.#fail(new ZincError("Aborted", `dialling ${address} was aborted`, { cause: signal.reason }))
    const timer = this.context.clock.after(timeoutMs, () =>
      this.#fail(
        new ZincError("Timeout", `${address} did not complete the handshake within ${timeoutMs} ms`, {
          retryable: true,
        }),
      ),
    )
    signal.addEventListener("abort", onAbort, { once: true })
    this.#dialing = {
      address,
      done,
      stop: () => {
        timer.cancel()
        signal.removeEventListener("abort", onAbort)
      },
    }
    if (signal.aborted) onAbort()
    else void this.#dial(address)
    return done.promise
  }

  close(options: { readonly lingerMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.lingerMs ?? defaultLingerMs)
    return this.#closing
  }

  abort(): void {
    this.#closing ??= Promise.resolve()
    this.#fail(new ZincError("Aborted", `the ${this.#what} was closed while it dialled`))
    this.#end(0)
  }

  protected get connected(): boolean {
    return this.#connected
  }
  /** Nothing is told any more. */
  protected get silent(): boolean {
    return this.#closing !== undefined
  }

  protected assertOpen(): void {
    if (this.#closing !== undefined) throw this.#closedError()
  }

  /** Resolves when everything has been handed to libzmq. */
  protected abstract drained(): Promise<void>
  /** Whether messages have come that nobody has read yet. */
  protected hasUnread(): boolean {
    return false
  }
  /** The connection stands. */
  protected abstract opened(): void
  /** The connection or the socket is gone. */
  protected abstract ended(): void

  async #dial(address: string): Promise<void> {
    try {
      const endpoint = await toDial(address)
      if (this.#dialing === undefined) return
      this.#observe(address)
      try {
        this.socket.connect(endpoint)
      } catch (thrown) {
        throw fromZeromq(thrown, address)
      }
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  /** libzmq's monitor tells of its one connection; what follows the end of it is of no interest. */
  #observe(address: string): void {
    const { events } = this.socket
    let reached = false
    events.on("connect", () => {
      reached = true
    })
    events.on("handshake", () => {
      const dialing = this.#dialing
      if (dialing === undefined) return
      this.#dialing = undefined
      dialing.stop()
      this.#connected = true
      this.opened()
      dialing.done.resolve()
    })
    const failed = (because: string) => {
      this.#fail(
        new ZincError("HandshakeFailed", `${address} ${because}; is it a ZeroMQ host of the right kind?`, {
          retryable: true,
        }),
      )
    }
    events.on("handshake:error:protocol", event => failed(`broke the protocol: ${event.error.message}`))
    events.on("handshake:error:auth", event => failed(`refused us: ${event.error.message}`))
    events.on("handshake:error:other", event => failed(`failed the handshake: ${event.error.message}`))
    events.on("close", () => {
      if (reached) this.#lost(address)
      else this.#fail(new ZincError("Unreachable", `nobody answers at ${address}`, { retryable: true }))
    })
    events.on("disconnect", () => this.#lost(address))
  }

  #lost(address: string): void {
    if (this.#dialing !== undefined) {
      this.#fail(new ZincError("HandshakeFailed", `${address} closed during the handshake`, { retryable: true }))
      return
    }
    if (!this.#connected) return
    this.#connected = false
    this.#tellLost()
  }

  /** What came before the end is read first; a reader that has paused hears of the end when it has resumed. */
  #tellLost(): void {
    if (this.silent) return
    if (this.hasUnread()) {
      this.context.clock.after(unreadRetryMs, () => this.#tellLost())
      return
    }
    this.ended()
    closeLingering(this.socket, 0)
    this.#handler.onDisconnect?.()
  }

  #fail(reason: unknown): void {
    const dialing = this.#dialing
    if (dialing === undefined) return
    this.#dialing = undefined
    dialing.stop()
    this.#closing ??= Promise.resolve()
    this.#end(0)
    dialing.done.reject(reason)
  }

  async #close(lingerMs: number): Promise<void> {
    // From the next turn, so that nobody is answered from inside the call.
    const { clock } = this.context
    const until = clock.now() + lingerMs
    if (this.#dialing !== undefined) {
      await undefined
      this.#fail(new ZincError("Aborted", `the ${this.#what} was closed while it dialled`))
      return
    }
    if (this.#connected) {
      let timer: Timer | undefined
      const late = new Promise<void>(resolve => {
        timer = clock.after(lingerMs, resolve)
      })
      await Promise.race([this.drained(), late])
      timer?.cancel()
    }
    this.#end(until - clock.now())
  }

  #end(lingerMs: number): void {
    if (this.#closed) return
    this.#closed = true
    this.#connected = false
    this.ended()
    closeLingering(this.socket, lingerMs)
    release(this)
  }

  #closedError(): ZincError {
    return new ZincError("Closed", `the ${this.#what} is closed; make a new one`)
  }
}

/** Sends through a queue of ours, since libzmq's binding has at most one send under way. */
abstract class QueueingSocket extends NativeDialedSocket {
  readonly #dialHandler: DialHandler
  readonly #sender: Dealer | Push
  readonly #queue: SendQueue
  #blocked = false
  #drained: Deferred<void> | undefined

  constructor(
    context: NativeContext,
    what: string,
    socket: Dealer | Push,
    handler: DialHandler,
    options: SocketOptions,
  ) {
    super(context, what, socket, handler, options)
    this.#dialHandler = handler
    this.#sender = socket
    this.#queue = new SendQueue(options.sendLimits)
  }

  send(frames: readonly Uint8Array[]): boolean {
    this.assertOpen()
    if (!this.connected || !this.#queue.push(frames)) return false
    this.#pump()
    return true
  }

  get waiting(): number {
    return this.#queue.bytes
  }

  protected override drained(): Promise<void> {
    if (this.#queue.size === 0 && !this.#blocked) return Promise.resolve()
    this.#drained ??= deferred<void>()
    return this.#drained.promise
  }

  protected override ended(): void {
    this.#queue.clear()
    this.#drained?.resolve()
  }

  #pump(): void {
    const socket = this.#sender
    while (!this.#blocked && !socket.closed) {
      const frames = this.#queue.peek()
      if (frames === undefined) return
      if (socket.writable) {
        socket.send(frames as Uint8Array[]).catch(nothing)
      } else {
        // A send without a limit of time ends when libzmq has room again.
        this.#blocked = true
        socket.sendTimeout = -1
        socket.send(frames as Uint8Array[]).then(this.#unblocked, this.#unblocked)
      }
      this.#queue.shift()
    }
  }

  readonly #unblocked = (): void => {
    this.#blocked = false
    if (this.#sender.closed) return
    this.#sender.sendTimeout = 0
    this.#pump()
    if (this.#queue.size === 0 && !this.#blocked) this.#drained?.resolve()
    if (this.#queue.takeRoom() && !this.silent && this.connected) this.#dialHandler.onDrain?.()
  }
}

export class NativeDealer extends QueueingSocket implements DealerSocket {
  readonly #reader: Reader

  constructor(context: NativeContext, handler: DealerHandler, options: SocketOptions) {
    const socket = new context.zeromq.Dealer(dialOptions(options))
    super(context, "dealer", socket, handler, options)
    this.#reader = new Reader(socket, handler, options, () => this.silent)
  }

  protected override opened(): void {
    this.#reader.start()
  }
  protected override hasUnread(): boolean {
    return this.#reader.hasUnread()
  }
  protected override ended(): void {
    super.ended()
    this.#reader?.stop()
  }
}

export class NativePusher extends QueueingSocket implements PusherSocket {
  constructor(context: NativeContext, handler: DialHandler, options: SocketOptions) {
    super(context, "pusher", new context.zeromq.Push(dialOptions(options)), handler, options)
  }

  protected override opened(): void {}
}

/** An XSUB, whose subscriptions are messages. Nothing limits those, since libzmq would drop them silently. */
export class NativeSubscriber extends NativeDialedSocket implements SubscriberSocket {
  readonly #subscriber: XSubscriber
  readonly #reader: Reader
  readonly #counts = new Map<string, number>()

  constructor(context: NativeContext, handler: SubscriberHandler, options: SocketOptions) {
    const socket = new context.zeromq.XSubscriber({ ...dialOptions(options), sendHighWaterMark: 0 })
    super(context, "subscriber", socket, handler, options)
    this.#subscriber = socket
    this.#reader = new Reader(socket, handler, options, () => this.silent)
  }

  subscribe(prefix: Uint8Array): void {
    this.assertOpen()
    const key = String(prefix)
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    this.#tell(1, prefix)
  }

  unsubscribe(prefix: Uint8Array): void {
    this.assertOpen()
    const key = String(prefix)
    const count = this.#counts.get(key) ?? 0
    // One too many would be passed on and end the subscription of another.
    if (count === 0) return
    if (count === 1) this.#counts.delete(key)
    else this.#counts.set(key, count - 1)
    this.#tell(0, prefix)
  }

  pause(): void {
    this.assertOpen()
    this.#reader.pause()
  }
  resume(): void {
    this.assertOpen()
    this.#reader.resume()
  }

  protected override opened(): void {
    this.#reader.start()
  }
  protected override hasUnread(): boolean {
    return this.#reader.hasUnread()
  }
  protected override ended(): void {
    this.#reader?.stop()
  }
  protected override drained(): Promise<void> {
    return Promise.resolve()
  }

  #tell(command: 0 | 1, prefix: Uint8Array): void {
    if (this.#subscriber.closed) return
    const message = new Uint8Array(1 + prefix.length)
    message[0] = command
    message.set(prefix, 1)
    this.#subscriber.send(message).catch(nothing)
  }
}

/** Batches of the one connection a dialled socket has. */
class Reader {
  readonly #socket: Dealer | XSubscriber
  readonly #handler: BatchHandler
  readonly #options: SocketOptions
  readonly #silent: () => boolean
  readonly #batch = new FrameBatch()
  #loop: ReceiveLoop | undefined
  #paused = false

  constructor(socket: Dealer | XSubscriber, handler: BatchHandler, options: SocketOptions, silent: () => boolean) {
    this.#socket = socket
    this.#handler = handler
    this.#options = options
    this.#silent = silent
    this.#batch.connection = 1
  }

  start(): void {
    const most = this.#options.maxMessageBytes ?? defaultMaxMessageBytes
    this.#loop = new ReceiveLoop(
      this.#socket as Dealer,
      message => {
        if (sizeOf(message) <= most) this.#batch.addMessage(message.map(plain))
        else (this.#options.logger ?? silentLogger).warn(`dropped a message of more than ${most} octets`)
      },
      () => {
        if (this.#batch.count > 0 && !this.#silent()) this.#handler.onBatch(this.#batch)
        this.#batch.clear()
      },
    )
    if (this.#paused) this.#loop.pause()
  }

  pause(): void {
    this.#paused = true
    this.#loop?.pause()
  }
  resume(): void {
    this.#paused = false
    this.#loop?.resume()
  }
  stop(): void {
    this.#loop?.stop()
  }
  hasUnread(): boolean {
    return this.#loop?.holds === true || (!this.#socket.closed && this.#socket.readable)
  }
}

function nothing(): void {}

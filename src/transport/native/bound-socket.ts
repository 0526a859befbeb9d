/** The host's side over libzmq, which does not say who is connected: connections are known by what they send. */
import type { Pull, Router, XPublisher } from "zeromq"
import type { Timer } from "../../core/clock.ts"
import { type Deferred, deferred } from "../../core/deferred.ts"
import { ZincError } from "../../core/errors.ts"
import { FrameBatch } from "../../core/frame-batch.ts"
import { silentLogger } from "../../core/logger.ts"
import type {
  PublisherHandler,
  PublisherOptions,
  PublisherSocket,
  PullerHandler,
  PullerSocket,
  RouterHandler,
  RouterSocket,
  Socket,
  SocketOptions,
} from "../transport.ts"
import {
  closeLingering,
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

/** Peers a router remembers; the one it has known longest goes first, and is a new connection when heard again. */
const peersMax = 65_536
/** How soon a peer whose queue in libzmq is full is tried again; libzmq does not say when it has room. */
const retryMs = 2

export abstract class NativeBoundSocket implements Socket {
  readonly native: Router | XPublisher | Pull
  protected readonly context: NativeContext
  readonly #what: string
  #ended = false
  #closing: Promise<void> | undefined
  /** What libzmq is bound to. */
  readonly endpoints: string[] = []
  readonly #onEnd: (endpoints: readonly string[]) => void

  constructor(
    context: NativeContext,
    what: string,
    native: Router | XPublisher | Pull,
    onEnd: (endpoints: readonly string[]) => void,
  ) {
    this.context = context
    this.#what = what
    this.native = native
    this.#onEnd = onEnd
    keep(this)
  }

  close(options: { readonly lingerMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.lingerMs ?? defaultLingerMs)
    return this.#closing
  }

  abort(): void {
    this.#closing ??= Promise.resolve()
    this.#end(0)
  }

  assertOpen(): void {
    if (this.#closing !== undefined) throw new ZincError("Closed", `the ${this.#what} is closed; make a new one`)
  }

  protected get silent(): boolean {
    return this.#closing !== undefined
  }
  /** Resolves when everything has been handed to libzmq. */
  protected drained(): Promise<void> {
    return Promise.resolve()
  }
  protected abstract ended(): void

  async #close(lingerMs: number): Promise<void> {
    const { clock } = this.context
    const until = clock.now() + lingerMs
    let timer: Timer | undefined
    const late = new Promise<void>(resolve => {
      timer = clock.after(lingerMs, resolve)
    })
    await Promise.race([this.drained(), late])
    timer?.cancel()
    this.#end(until - clock.now())
  }

  #end(lingerMs: number): void {
    if (this.#ended) return
    this.#ended = true
    this.ended()
    closeLingering(this.native, lingerMs)
    release(this)
    this.#onEnd(this.endpoints)
  }
}

/** One peer of a router: what libzmq calls it, and what waits for it. */
interface Peer {
  readonly connection: number
  readonly key: string
  readonly identity: Buffer
  readonly queue: SendQueue
  readonly batch: FrameBatch
}

export class NativeRouter extends NativeBoundSocket implements RouterSocket {
  readonly #router: Router
  readonly #handler: RouterHandler
  readonly #options: SocketOptions
  readonly #loop: ReceiveLoop
  readonly #byIdentity = new Map<string, Peer>()
  readonly #byConnection = new Map<number, Peer>()
  /** Peers with something to send that libzmq may take. */
  readonly #ready = new Set<Peer>()
  /** Peers whose queue in libzmq was full. */
  readonly #blocked = new Set<Peer>()
  readonly #heard = new Set<Peer>()
  #retry: Timer | undefined
  #pumping = false
  #next = 1
  #drained: Deferred<void> | undefined

  constructor(
    context: NativeContext,
    handler: RouterHandler,
    options: SocketOptions,
    onEnd: (endpoints: readonly string[]) => void,
  ) {
    // Mandatory, so that a full queue and a lost peer are told and not passed over in silence.
    const router = new context.zeromq.Router({ ...zeromqOptions(options), mandatory: true })
    super(context, "router", router, onEnd)
    this.#router = router
    this.#handler = handler
    this.#options = options
    const most = options.maxMessageBytes ?? defaultMaxMessageBytes
    this.#loop = new ReceiveLoop(
      router,
      message => {
        const peer = this.#peer(message[0]!)
        const frames = message.slice(1)
        if (frames.length === 0) return
        if (sizeOf(frames) > most) {
          ;(options.logger ?? silentLogger).warn(`dropped a message of more than ${most} octets`)
          return
        }
        peer.batch.addMessage(frames.map(plain))
        this.#heard.add(peer)
      },
      () => {
        for (const peer of this.#heard) {
          if (!this.silent) this.#handler.onBatch(peer.batch)
          peer.batch.clear()
        }
        this.#heard.clear()
      },
    )
  }

  send(connection: number, frames: readonly Uint8Array[]): boolean {
    this.assertOpen()
    const peer = this.#byConnection.get(connection)
    if (peer === undefined || !peer.queue.push(frames)) return false
    if (!this.#blocked.has(peer)) {
      this.#ready.add(peer)
      if (!this.#pumping) void this.#pump()
    }
    return true
  }

  disconnect(connection: number): void {
    this.assertOpen()
    const peer = this.#byConnection.get(connection)
    if (peer !== undefined) this.#byConnection.delete(connection)
    if (peer !== undefined && this.#byIdentity.get(peer.key) === peer) this.#byIdentity.delete(peer.key)
  }

  protected override drained(): Promise<void> {
    if (!this.#busy()) return Promise.resolve()
    this.#drained ??= deferred<void>()
    return this.#drained.promise
  }

  protected override ended(): void {
    this.#loop.stop()
    this.#retry?.cancel()
    this.#ready.clear()
    this.#blocked.clear()
    this.#drained?.resolve()
  }

  #busy(): boolean {
    return this.#pumping || this.#ready.size > 0 || this.#blocked.size > 0
  }

  #peer(identity: Buffer): Peer {
    const key = identity.toString("latin1")
    const known = this.#byIdentity.get(key)
    if (known !== undefined) return known
    if (this.#byIdentity.size >= peersMax) this.#forget(this.#byIdentity.values().next().value!)
    const batch = new FrameBatch()
    const connection = this.#next++
    batch.connection = connection
    const queue = new SendQueue(this.#options.sendLimits)
    const peer: Peer = { connection, key, identity: Buffer.from(identity), queue, batch }
    this.#byIdentity.set(key, peer)
    this.#byConnection.set(connection, peer)
    return peer
  }

  #forget(peer: Peer): void {
    this.#byIdentity.delete(peer.key)
    this.#byConnection.delete(peer.connection)
    this.#ready.delete(peer)
    this.#blocked.delete(peer)
    peer.queue.clear()
  }

  /** One message of each peer in turn, until libzmq will take no more. */
  async #pump(): Promise<void> {
    this.#pumping = true
    while (this.#ready.size > 0 && !this.#router.closed) {
      for (const peer of this.#ready) {
        const frames = peer.queue.peek()
        if (frames === undefined) {
          this.#ready.delete(peer)
          continue
        }
        try {
          await this.#router.send([peer.identity, ...frames])
          peer.queue.shift()
        } catch (thrown) {
          if (this.#router.closed) break
          this.#ready.delete(peer)
          if ((thrown as { code?: string }).code === "EHOSTUNREACH") this.#forget(peer)
          else this.#later(peer)
        }
      }
    }
    this.#pumping = false
    if (!this.#busy()) this.#drained?.resolve()
  }

  #later(peer: Peer): void {
    this.#blocked.add(peer)
    this.#retry ??= this.context.clock.after(retryMs, () => {
      this.#retry = undefined
      for (const each of this.#blocked) this.#ready.add(each)
      this.#blocked.clear()
      if (!this.#pumping) void this.#pump()
    })
  }
}

/** An XPUB. It drops for whoever is full, and tells of every subscription but not of whom. */
export class NativePublisher extends NativeBoundSocket implements PublisherSocket {
  readonly #publisher: XPublisher
  readonly #loop: ReceiveLoop

  constructor(
    context: NativeContext,
    handler: PublisherHandler,
    options: PublisherOptions,
    onEnd: (endpoints: readonly string[]) => void,
  ) {
    if (options.guard === true) {
      throw new ZincError(
        "Unsupported",
        "the native transport does not know its subscribers and cannot guard them; use the zmtp transport",
      )
    }
    const publisher = new context.zeromq.XPublisher({
      ...zeromqOptions(options),
      sendHighWaterMark: options.sendLimits?.messages ?? 1_000,
      verbosity: "allSubs",
    })
    super(context, "publisher", publisher, onEnd)
    this.#publisher = publisher
    // Subscriptions are seen only by reading, and take effect by it.
    this.#loop = new ReceiveLoop(
      publisher,
      ([message]) => {
        if (this.silent || message === undefined || message.length === 0) return
        if (message[0] === 1) handler.onSubscribe(0, message.subarray(1))
        else if (message[0] === 0) handler.onUnsubscribe(0, message.subarray(1))
      },
      () => {},
    )
  }

  send(frames: readonly Uint8Array[]): void {
    this.assertOpen()
    this.#publisher.send(frames as Uint8Array[]).catch(() => {})
  }

  sendTo(_connection: number, _frames: readonly Uint8Array[]): boolean {
    throw unknownSubscribers()
  }
  grant(_connection: number, _allows: (prefix: Uint8Array) => boolean): void {
    throw unknownSubscribers()
  }
  waiting(_connection: number): undefined {
    return undefined
  }
  clear(_connection: number): number {
    return 0
  }
  disconnect(_connection: number): void {}

  protected override ended(): void {
    this.#loop.stop()
  }
}

/** A PULL does not say who pushed: everybody is connection 1, and order holds for each of them. */
export class NativePuller extends NativeBoundSocket implements PullerSocket {
  readonly #loop: ReceiveLoop
  readonly #batch = new FrameBatch()

  constructor(
    context: NativeContext,
    handler: PullerHandler,
    options: SocketOptions,
    onEnd: (endpoints: readonly string[]) => void,
  ) {
    const puller = new context.zeromq.Pull(pullOptions(options))
    super(context, "puller", puller, onEnd)
    this.#batch.connection = 1
    const most = options.maxMessageBytes ?? defaultMaxMessageBytes
    this.#loop = new ReceiveLoop(
      puller,
      message => {
        if (sizeOf(message) <= most) this.#batch.addMessage(message.map(plain))
        else (options.logger ?? silentLogger).warn(`dropped a message of more than ${most} octets`)
      },
      () => {
        if (this.#batch.count > 0 && !this.silent) handler.onBatch(this.#batch)
        this.#batch.clear()
      },
    )
  }

  pause(_connection: number): void {
    this.assertOpen()
    this.#loop.pause()
  }
  resume(_connection: number): void {
    this.assertOpen()
    this.#loop.resume()
  }
  disconnect(_connection: number): void {}

  protected override ended(): void {
    this.#loop.stop()
  }
}

/** A PULL knows no options for sending. */
function pullOptions(options: SocketOptions): Record<string, number> {
  const { sendTimeout: _, sendHighWaterMark: __, ...rest } = zeromqOptions(options)
  return rest
}

function unknownSubscribers(): ZincError {
  return new ZincError("Unsupported", "the native transport does not know its subscribers; use the zmtp transport")
}

/**
 * What all general sockets share: they bind and connect any number of times, dial again by themselves, and keep a
 * table of peers. The patterns, one per file beside this one, say what sending and receiving mean.
 *
 * These sockets behave as libzmq's do, save where noted. Endpoints do not use them (see zmtp-transport.ts); programs
 * that want plain ZeroMQ do, and so do interop tests and wire benchmarks.
 */
import { noBytes } from "../../../core/bytes.ts"
import { type Deferred, deferred } from "../../../core/deferred.ts"
import { ZincError } from "../../../core/errors.ts"
import { Events } from "../../../core/events.ts"
import type { FrameBatch } from "../../../core/frame-batch.ts"
import { Lifecycle, State } from "../../../core/lifecycle.ts"
import { warningLogger } from "../../../core/warning-logger.ts"
import {
  Connection,
  type ConnectionHandler,
  type ConnectionOptions,
  type Role,
  wrongType,
} from "../../../zmtp/connection.ts"
import { Engine } from "../../../zmtp/engine.ts"
import type { Link } from "../../../zmtp/link.ts"
import { nullSecurity } from "../../../zmtp/mechanism/null.ts"
import { Outbox } from "../../../zmtp/outbox.ts"
import type { SocketType } from "../../../zmtp/socket-type.ts"
import type { ByteStream, CarrierListener } from "../../carrier.ts"
import { CarrierTable } from "../carrier-table.ts"
import {
  atLeastOne,
  decoderLimits,
  defaultBufferedBytes,
  defaultHandshakeTimeoutMs,
  defaultReceiveBytes,
  notNegative,
  outboxLimits,
} from "../limits.ts"
import { PendingHandshakes, pendingHandshakesMax } from "../pending-handshakes.ts"
import { type Parts, withSystemParts } from "../system.ts"
import { BackOff } from "./back-off.ts"
import { type DialHost, type Dialled, Dialling } from "./dialling.ts"
import { Inbox } from "./inbox.ts"
import { checkConnectOptions, checkSocketOptions, closeFault } from "./option-check.ts"
import type { Candidate, Peer } from "./peer.ts"
import { type SocketEvent, socketEventTypes } from "./socket-event.ts"
import type { ConnectOptions, PatternSocketOptions } from "./socket-options.ts"

/** Types of which libzmq says that several connections to one address make no sense. */
const onceTypes: ReadonlySet<string> = new Set(["DEALER", "SUB", "PUB", "REQ"])

/** What listeners throw is not lost without a word where no logger is given. */
const warnings = warningLogger()

export abstract class PatternSocket implements AsyncDisposable {
  /** Monitoring. */
  readonly events: Events<SocketEvent>
  protected readonly engine: Engine
  protected readonly options: PatternSocketOptions
  protected readonly parts: Required<Parts>
  protected readonly inbox: Inbox
  protected readonly lifecycle: Lifecycle
  readonly #carriers: CarrierTable
  /** By the address to dial. */
  readonly #listeners = new Map<string, { readonly listener: CarrierListener; readonly asked: string }>()
  readonly #dialling: Dialling
  /** All connections, also those that still shake hands. */
  readonly #connections = new Set<Link>()
  /** Of those, the accepted ones that still do. */
  readonly #pending: PendingHandshakes
  /** Those whose connections end by our wish, once what is queued for them is sent. */
  readonly #leaving = new Set<Peer>()
  readonly #peers = new Map<number, Peer>()
  #lastPeer = 0
  #closingLingerMs = 0
  #room: Deferred<void> | undefined
  #gone: Deferred<void> | undefined
  #lastAddress: string | undefined

  constructor(options: PatternSocketOptions) {
    checkSocketOptions(options)
    this.options = options
    this.parts = withSystemParts(options)
    const { maxBufferedBytes } = options
    // Unless asked for, what the application sends is limited by its high-water mark alone, as with libzmq.
    this.engine = new Engine(
      this.parts.clock,
      notNegative("maxBufferedBytes", maxBufferedBytes ?? defaultBufferedBytes),
      maxBufferedBytes !== undefined,
    )
    this.events = new Events(options.logger ?? warnings, socketEventTypes)
    this.inbox = new Inbox({
      onBatch: options.onBatch,
      highWaterMark: this.unreadMax,
      bytesMax: notNegative("receiveBytesMax", options.receiveBytesMax ?? defaultReceiveBytes),
      conflate: this.conflates,
      view: options.frameView,
    })
    this.#carriers = new CarrierTable(this.parts.carriers)
    const pending = options.maxPendingHandshakes ?? pendingHandshakesMax
    this.#pending = new PendingHandshakes(atLeastOne("maxPendingHandshakes", pending))
    this.lifecycle = new Lifecycle(`the ${this.constructor.name} socket`)
    this.lifecycle.opened()
    this.#dialling = new Dialling(this.#dialHost())
    outboxLimits(options.sendLimits)
    if (this.borrows && options.onBatch === undefined) {
      throw new ZincError("BadOption", "`borrow` is for onBatch: what waits to be read one by one must be kept")
    }
  }

  // ---- what a pattern says ----

  /** As it stands in READY. */
  protected abstract readonly socketType: SocketType
  /** Whether a dialled peer has a queue before, and between, its connections (Q2, Q3). */
  protected readonly queuesAhead: boolean = false
  /** Whether a bound socket says READY only after the peer has, to be able to refuse it by ERROR. */
  protected readonly withholdsReady: boolean = false
  /** Whether each queue keeps only the newest message (Q4). Asked while the socket is made. */
  protected get conflates(): boolean {
    return false
  }
  /** What peers say is subscriptions, which cost more than their octets. */
  protected get paced(): boolean {
    return false
  }
  /** Whether whoever gets our batches needs their octets during the call only. Asked while the socket is made. */
  protected get borrows(): boolean {
    return false
  }
  /** Messages of one peer that wait to be read before it is paused; 0 for no limit. Asked while the socket is made, too. */
  protected get unreadMax(): number {
    return notNegative("receiveHighWaterMark", this.options.receiveHighWaterMark ?? 1_000)
  }
  /** Whether every new queue begins with an empty message, by which a router learns of us (Q5). */
  protected get probes(): boolean {
    return false
  }
  /** Whether a second connection to one address is of no use. */
  protected get connectsOnce(): boolean {
    return onceTypes.has(this.socketType)
  }
  /** Whether peers may be given an identity where they are dialled. */
  protected readonly namesPeers: boolean = false
  /**
   * A queue that messages may now be sent to; for dialled ones perhaps before there is a connection, and then perhaps
   * with the name it was given.
   */
  protected attached(_outbox: Outbox, _identity?: Uint8Array): void {}
  protected detached(_outbox: Outbox): void {}
  /** Something about a peer that speaks against it, before it is told READY. */
  protected objection(_peer: Candidate): ZincError | undefined {
    return undefined
  }
  /** What is put before each of its messages. */
  protected prefixFor(_peer: Candidate, _number: number): Uint8Array | undefined {
    return undefined
  }
  /** What is spoken on a stream. */
  protected linkOver(options: ConnectionOptions): Link {
    return new Connection(options)
  }
  protected opened(_peer: Peer): void {}
  protected closed(_peer: Peer): void {}
  protected received(_peer: Peer, batch: FrameBatch): void {
    this.inbox.deliver(batch)
  }
  protected subscription(_peer: Peer, _topic: Uint8Array, _wanted: boolean): void {}
  /** Whether a send would be taken now. */
  protected abstract get hasRoom(): boolean
  /** Whether what there is no room for is dropped rather than refused. */
  get drops(): boolean {
    return false
  }
  /** Whether applications send with this type at all. */
  get sendsMessages(): boolean {
    return true
  }

  // ---- addresses ----

  /** Listens; resolves with the address to dial, wildcards filled in. Rejects as a carrier's `listen` does. */
  async bind(address: string): Promise<string> {
    this.lifecycle.assertOpen()
    let bound = address
    const listener = await this.#carriers
      .find(address)
      .listen(address, stream => this.#accept(stream, bound), this.options.tuning)
      .catch((error: unknown) => {
        if (ZincError.is(error)) this.events.emit({ type: "listenFailed", address, error })
        throw error
      })
    if (this.lifecycle.state !== State.Open) {
      await listener.close()
      this.lifecycle.assertOpen()
    }
    bound = this.#lastAddress = listener.address
    this.#listeners.set(bound, { listener, asked: address })
    this.events.emit({ type: "listening", address: bound })
    return bound
  }

  /**
   * Stops listening there; connections already made stay. Takes what `bind` was given or resolved with. Rejects with
   * `BadAddress` when it was not bound.
   */
  async unbind(address: string): Promise<void> {
    const bound = this.#listeners.has(address)
      ? address
      : [...this.#listeners].find(([, each]) => each.asked === address)?.[0]
    if (bound === undefined) throw new ZincError("BadAddress", `${address} is not bound; use what bind resolved with`)
    const { listener } = this.#listeners.get(bound)!
    this.#listeners.delete(bound)
    await listener.close()
    this.events.emit({ type: "unbound", address: bound })
  }

  /** The address bound or dialled last, wildcards filled in (libzmq's ZMQ_LAST_ENDPOINT). */
  get lastAddress(): string | undefined {
    return this.#lastAddress
  }

  /**
   * Dials, now and again whenever the connection is lost, until `disconnect` or a fault that dialling again cannot
   * mend: a wrong socket type or mechanism, an ERROR, a bad frame (Q8). Throws `BadAddress`. Dialling an address again
   * makes a second connection, as in libzmq; but for DEALER, SUB, PUB and REQ, for which there is no use in it.
   */
  connect(address: string, options: ConnectOptions = {}): void {
    this.lifecycle.assertOpen()
    this.#carriers.findToDial(address)
    checkConnectOptions(options)
    if (this.connectsOnce && this.#dialling.at(address).length > 0) return
    const { identity } = options
    if (identity !== undefined && !this.namesPeers)
      throw new ZincError("BadOption", "only Router and Stream sockets give their peers an identity")
    const ahead = (this.queuesAhead || identity !== undefined) && !this.options.immediate
    const outbox = ahead ? this.#newOutbox() : undefined
    if (outbox !== undefined) this.#attach(outbox, identity)
    this.#lastAddress = address
    this.#dialling.add(address, new BackOff(this.options.reconnect || {}, this.parts.random), outbox, identity)
  }

  /**
   * Stops dialling there, however often it was dialled, and closes the connections, after what is queued for them is sent,
   * for `lingerMs` at most. What is sent from now on goes to others, and what still comes from there is not heard.
   */
  disconnect(address: string): void {
    const all = this.#dialling.at(address)
    if (all.length === 0) throw new ZincError("BadAddress", `${address} is not connected`)
    for (const dialled of all) {
      this.#dialling.forget(dialled)
      const peer = [...this.#peers.values()].find(one => one.connection === dialled.connection)
      if (peer !== undefined) this.#leave(peer)
      else if (dialled.outbox !== undefined) this.detached(dialled.outbox)
      dialled.connection?.finish(this.#lingerMs(undefined))
    }
  }

  // ---- peers ----

  /** The peers whose handshake is complete. */
  get peers(): readonly { readonly peer: number; readonly remote: string; readonly identity: Uint8Array }[] {
    return [...this.#peers.values()].map(one => ({ peer: one.number, remote: one.remote, identity: one.info.identity }))
  }

  /** Stops reading from a peer, so that it feels back-pressure; for those who receive with `onBatch`. */
  pausePeer(peer: number): void {
    this.#peers.get(peer)?.connection.pause()
  }
  resumePeer(peer: number): void {
    this.#peers.get(peer)?.connection.resume()
  }
  /**
   * Closes one connection after what is queued for it is sent, for `lingerMs` at most. What is sent from now on goes to
   * others; but where we dialled, it is dialled again, and what it has room for waits for that.
   */
  disconnectPeer(number: number): void {
    const peer = this.#peers.get(number)
    if (peer === undefined) return
    const isDialled = [...this.#dialling].some(one => one.outbox === peer.outbox)
    if (!isDialled) this.#leave(peer)
    peer.connection.finish(this.#lingerMs(undefined))
  }

  get isOpen(): boolean {
    return this.lifecycle.isOpen
  }

  /** Messages that were sent and are not yet with the system. */
  get queued(): number {
    let queued = 0
    for (const outbox of this.#outboxes()) queued += outbox.messages
    return queued
  }

  /**
   * Gives the system now, as far as it takes it, what was sent in this turn, and would go at its end: for programs that end
   * within it.
   */
  flush(): void {
    // What is kept aside for many connections comes to their queues first, and those are flushed then.
    this.engine.flusher.flushAll()
    this.engine.flusher.flushAll()
  }

  /** Octets of memory of what was received and waits to be read by `receive`; each frame takes some beside its own. */
  get unreadBytes(): number {
    return this.inbox.bytes
  }

  /** Whether a send would be taken now, be it to be dropped as the type does. Without meaning where nothing is sent. */
  get writable(): boolean {
    return this.lifecycle.isOpen && (this.drops || this.hasRoom)
  }

  /** Resolves when I/O that is ready now has been served. */
  nextTurn(): Promise<void> {
    return new Promise(resolve => this.engine.clock.later(resolve))
  }

  /** Resolves when a send that returned false may be tried again; at once when it may now; also when the socket closes. */
  drained(): Promise<void> {
    if (this.lifecycle.state !== State.Open || this.hasRoom) return Promise.resolve()
    // Who waits without having been refused must be told all the same.
    for (const { outbox } of this.#peers.values()) if (!outbox.hasRoom) outbox.refuse()
    for (const { outbox } of this.#dialling) if (outbox?.hasRoom === false) outbox.refuse()
    this.#room ??= deferred<void>()
    return this.#room.promise
  }

  protected signalRoom(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  // ---- the end ----

  /**
   * Sends what is queued, for at most `lingerMs`, then closes; joins a close in progress. Rejects with `BadOption` for a
   * `lingerMs` that is none, once the socket has closed all the same.
   */
  async close(options: { readonly lingerMs?: number } = {}): Promise<void> {
    const fault = closeFault(options)
    await this.lifecycle.close(() => this.#close(this.#lingerMs(fault === undefined ? options.lingerMs : undefined)))
    if (fault !== undefined) throw fault
  }

  /** Closes now; what is queued is lost. */
  abort(): void {
    void this.close({ lingerMs: 0 })
    this.#cut()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #lingerMs(asked: number | undefined): number {
    const lingerMs = asked ?? this.options.lingerMs ?? 1_000
    // A getter may say anything, and closing must close.
    return lingerMs >= 0 ? lingerMs : 1_000
  }

  async #close(lingerMs: number): Promise<void> {
    this.#closingLingerMs = lingerMs
    this.signalRoom()
    const listening = [...this.#listeners].map(async ([address, { listener }]) => {
      await listener.close()
      this.events.emit({ type: "unbound", address })
    })
    this.#listeners.clear()
    for (const dialled of [...this.#dialling]) {
      if (dialled.connection?.isOpen === true) continue
      if (lingerMs === 0 || dialled.outbox === undefined || dialled.outbox.isEmpty) {
        this.#dialling.forget(dialled)
        dialled.connection?.destroy()
      }
    }
    for (const connection of [...this.#connections]) this.#finish(connection, lingerMs)
    if (this.#connections.size > 0 || this.#dialling.size > 0) {
      this.#gone = deferred<void>()
      const timer = Number.isFinite(lingerMs) ? this.engine.clock.after(lingerMs, () => this.#cut()) : undefined
      await this.#gone.promise
      timer?.cancel()
    }
    await Promise.all(listening)
    this.inbox.close()
    this.shut()
    this.events.emit({ type: "closed" })
  }

  /** A pattern gives up its memory. */
  protected shut(): void {}

  #finish(connection: Link, lingerMs: number): void {
    if (lingerMs === 0) connection.destroy()
    else connection.finish(Number.isFinite(lingerMs) ? lingerMs : undefined)
  }

  #cut(): void {
    for (const dialled of [...this.#dialling]) this.#dialling.forget(dialled)
    for (const connection of [...this.#connections]) connection.destroy()
    this.#checkGone()
  }

  #checkGone(): void {
    if (this.#connections.size === 0 && this.#dialling.size === 0) this.#gone?.resolve()
  }

  // ---- connections ----

  #accept(stream: ByteStream, address: string): void {
    if (this.lifecycle.state !== State.Open) {
      stream.destroy()
      return
    }
    this.events.emit({ type: "accepted", address, remote: stream.remote })
    this.#link(stream, undefined, address)
  }

  #link(stream: ByteStream, dialled: Dialled | undefined, address: string): Link {
    let peer: Peer | undefined
    const { socketType } = this
    const { identity } = this.options
    const announces = dialled !== undefined || !this.withholdsReady
    const connection: Link = this.linkOver({
      engine: this.engine,
      output: stream,
      mechanism: (this.options.security ?? nullSecurity).open(stream.remote),
      handshakeTimeoutMs: this.options.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs,
      ...(announces && { announce: { socketType, ...(identity && { identity }) } }),
      admit: info => {
        const candidate = { info, remote: stream.remote, outbox: dialled?.outbox, identity: dialled?.identity }
        const objection = wrongType(socketType, info, stream.remote) ?? this.objection(candidate)
        if (objection !== undefined) return objection
        const number = ++this.#lastPeer
        const outbox = dialled?.outbox ?? this.#newOutbox()
        peer = { number, remote: stream.remote, info, connection, outbox }
        return this.#roleOf(peer, dialled, address, this.prefixFor(candidate, number))
      },
      onClosed: error => {
        this.#connections.delete(connection)
        this.#pending.delete(connection)
        const wasOpen = peer !== undefined && this.#lost(peer, dialled, address, error)
        const retry = dialled !== undefined && this.#dialling.redial(dialled, error) !== undefined
        if (!wasOpen && error !== undefined) {
          this.events.emit({ type: "handshakeFailed", address, remote: stream.remote, error, retry })
        }
        // The queue of a dialled address that was given up meanwhile.
        if (dialled?.outbox !== undefined && dialled.forgotten) this.#detach(dialled.outbox)
        this.#checkGone()
      },
    })
    this.#connections.add(connection)
    connection.start()
    stream.start(connection)
    // One that says nothing at all (Stream) is open already.
    if (dialled === undefined && !connection.isOpen) this.#pending.add(connection)
    return connection
  }

  #roleOf(peer: Peer, dialled: Dialled | undefined, address: string, prefix: Uint8Array | undefined): Role {
    const { heartbeat, identity } = this.options
    const handler: ConnectionHandler = {
      onOpen: () => {
        this.#peers.set(peer.number, peer)
        this.#pending.delete(peer.connection)
        dialled?.backOff.reset()
        this.inbox.open(peer.number, peer.connection)
        this.opened(peer)
        if (dialled?.outbox === undefined) this.#attach(peer.outbox)
        const { number, remote, info } = peer
        this.events.emit({
          type: "connected",
          address,
          peer: number,
          remote,
          socketType: info.socketType,
          identity: info.identity,
        })
        if (this.lifecycle.state !== State.Open) this.#finish(peer.connection, this.#closingLingerMs)
      },
      onBatch: batch => {
        batch.connection = peer.number
        this.received(peer, batch)
      },
      onSubscription: (topic, wanted) => this.subscription(peer, topic, wanted),
    }
    return {
      socketType: this.socketType,
      ...(identity && { identity }),
      limits: decoderLimits(this.options),
      ...(heartbeat && { heartbeat }),
      ...(prefix && { prefix }),
      ...(this.borrows && { borrows: true }),
      ...(this.paced && { paced: true }),
      outbox: peer.outbox,
      handler,
    }
  }

  /** Whether its handshake had been complete. */
  #lost(peer: Peer, dialled: Dialled | undefined, address: string, error: ZincError | undefined): boolean {
    const wasOpen = this.#peers.delete(peer.number)
    // Also for one that was admitted and then refused: a pattern may have noted its name.
    if (!this.#leaving.delete(peer)) this.closed(peer)
    if (!wasOpen) return false
    if (dialled?.outbox === undefined) this.#detach(peer.outbox)
    this.inbox.end(peer.number)
    this.events.emit({ type: "disconnected", address, peer: peer.number, remote: peer.remote, ...(error && { error }) })
    return true
  }

  /** Nothing more is to go to a peer whose connection ends when its queue is empty. */
  #leave(peer: Peer): void {
    if (this.#leaving.has(peer)) return
    this.#leaving.add(peer)
    this.closed(peer)
    this.detached(peer.outbox)
  }

  #dialHost(): DialHost {
    const { engine, lifecycle, options } = this
    return {
      engine,
      options,
      carriers: this.#carriers,
      get isOpen() {
        return lifecycle.state === State.Open
      },
      tell: event => this.events.emit(event),
      link: (stream, dialled) => this.#link(stream, dialled, dialled.address),
      detach: outbox => this.#detach(outbox),
      gone: () => this.#checkGone(),
    }
  }

  // ---- queues ----

  /**
   * Reads `sendLimits` and `receiveHighWaterMark` again, for the queues that are there: for options that are an object whose
   * values change (libzmq's ZMQ_SNDHWM and ZMQ_RCVHWM on an open socket).
   */
  refreshLimits(): void {
    this.inbox.highWaterMark = this.unreadMax
    if (this.conflates) return
    const limits = outboxLimits(this.options.sendLimits)
    for (const outbox of this.#outboxes()) outbox.limits = limits
  }

  #outboxes(): ReadonlySet<Outbox> {
    const outboxes = new Set<Outbox>()
    for (const { outbox } of this.#peers.values()) outboxes.add(outbox)
    for (const { outbox } of this.#dialling) if (outbox !== undefined) outboxes.add(outbox)
    return outboxes
  }

  #newOutbox(): Outbox {
    return new Outbox({
      limits: this.conflates ? { messages: 0, bytes: 0 } : outboxLimits(this.options.sendLimits),
      conflate: this.conflates,
      slabs: this.engine.slabs,
      flusher: this.engine.flusher,
      onRoom: () => this.signalRoom(),
    })
  }

  #attach(outbox: Outbox, identity?: Uint8Array): void {
    this.attached(outbox, identity)
    if (this.probes) outbox.send([noBytes])
    this.signalRoom()
  }

  #detach(outbox: Outbox): void {
    this.detached(outbox)
    outbox.clear()
  }
}

/**
 * What all general sockets share: they bind and connect any number of times, dial again by themselves, and keep a
 * table of peers. The patterns, one per file beside this one, say what sending and receiving mean.
 *
 * These sockets behave as libzmq's do, save where noted. Endpoints do not use them (see zmtp-transport.ts); programs
 * that want plain ZeroMQ do, and so do interop tests and wire benchmarks.
 */

import { noBytes } from "../../../core/bytes.ts"
import type { Timer } from "../../../core/clock.ts"
import { type Deferred, deferred } from "../../../core/deferred.ts"
import { ZincError } from "../../../core/errors.ts"
import { Events } from "../../../core/events.ts"
import type { FrameBatch, FrameView } from "../../../core/frame-batch.ts"
import { Lifecycle, State } from "../../../core/lifecycle.ts"
import {
  Connection,
  type ConnectionHandler,
  type ConnectionOptions,
  type PeerInfo,
  type Role,
  wrongType,
} from "../../../zmtp/connection.ts"
import { Engine } from "../../../zmtp/engine.ts"
import type { Link } from "../../../zmtp/link.ts"
import type { Security } from "../../../zmtp/mechanism/mechanism.ts"
import { nullSecurity } from "../../../zmtp/mechanism/null.ts"
import { Outbox } from "../../../zmtp/outbox.ts"
import type { SocketType } from "../../../zmtp/socket-type.ts"
import type { ByteStream, CarrierListener, StreamTuning } from "../../carrier.ts"
import type { QueueLimits } from "../../transport.ts"
import { CarrierTable } from "../carrier-table.ts"
import {
  atLeastOne,
  decoderLimits,
  defaultHandshakeTimeoutMs,
  defaultReceiveBytes,
  notNegative,
  outboxLimits,
} from "../limits.ts"
import { PendingHandshakes, pendingHandshakesMax } from "../pending-handshakes.ts"
import { type Parts, withSystemParts } from "../system.ts"
import { BackOff, type ReconnectOptions } from "./back-off.ts"
import { Inbox } from "./inbox.ts"

export interface PatternSocketOptions extends Parts {
  /** Gets received messages, many at a time; the batch is valid during the call. Without it, read with `receive`. */
  readonly onBatch?: (batch: FrameBatch) => void
  /** Most that waits for one peer; default 1,000 messages and 64 MiB, 0 for no limit. */
  readonly sendLimits?: QueueLimits
  /**
   * Messages of one peer that wait to be read by `receive` before that peer is paused; default 1,000, 0 for no limit.
   * With `onBatch` nothing waits here.
   */
  readonly receiveHighWaterMark?: number
  /**
   * Octets of all peers together that wait to be read by `receive` before whoever sends more is paused; default 256 MiB, 0
   * for no limit.
   */
  readonly receiveBytesMax?: number
  /** How frames read with `receive` are shown, for those who want more than a Uint8Array, such as Buffers. */
  readonly frameView?: FrameView
  /** Largest whole message accepted; a larger one costs the peer its connection. Default 64 MiB. */
  readonly maxMessageBytes?: number
  /**
   * Most octets that all connections may hold together: of messages that have not come whole, and of what waits to be sent.
   * Beyond it the connection that holds most is closed with `Full`. Default 0, no limit.
   */
  readonly maxBufferedBytes?: number
  /** How long one attempt to reach an address may take; default 0, as long as the system tries. */
  readonly connectTimeoutMs?: number
  /** Default 30,000 (libzmq's ZMQ_HANDSHAKE_IVL); 0 for none. */
  readonly handshakeTimeoutMs?: number
  /**
   * Most accepted connections whose handshake is not complete; the oldest goes when there is one more, with a
   * `handshakeFailed` event. Default 1,024.
   */
  readonly maxPendingHandshakes?: number
  /** ZMTP PING after this much silence, and how long to wait for any sign of life. Default: none. */
  readonly heartbeat?: { readonly intervalMs: number; readonly timeoutMs: number }
  /** How a dialled address is dialled again; false for never. */
  readonly reconnect?: ReconnectOptions | false
  /** Queue only for peers whose handshake is complete, and drop a dialled peer's queue with its connection. Default false. */
  readonly immediate?: boolean
  /** Our name to routers; sent by DEALER and ROUTER. At most 255 octets. Default: none. */
  readonly identity?: Uint8Array
  /**
   * The mechanism of all connections, accepted and dialled: `plainServer(…)`, `plainClient(…)`, `curveServer(…)`,
   * `curveClient(…)`. Both ends must say the same mechanism. Default: NULL, no security.
   */
  readonly security?: Security
  /** What `close` waits for by default; default 1,000. (libzmq's default waits for ever.) `Infinity` waits for ever. */
  readonly lingerMs?: number
  /** What is asked of the system for the streams. */
  readonly tuning?: StreamTuning
}

export interface ConnectOptions {
  /**
   * What ROUTER and STREAM call the peer there (libzmq's ZMQ_CONNECT_ROUTING_ID), whatever it calls itself. It can be
   * sent to at once, before it is there. Throws `BadOption` for other sockets, and for a name that is taken.
   */
  readonly identity?: Uint8Array
}

/**
 * What happens to peers, for monitoring. `address` is ours: where we listen, or whom we dial. `peer` is `batch.connection`
 * of its messages; `remote` is for people. From "connected" on a peer is one to send to; "accepted" and "reached" are the
 * connections under it, before any handshake.
 */
export type SocketEvent =
  | { readonly type: "listening"; readonly address: string }
  | { readonly type: "listenFailed"; readonly address: string; readonly error: ZincError }
  /** It listens there no more. */
  | { readonly type: "unbound"; readonly address: string }
  | { readonly type: "dialling"; readonly address: string }
  | { readonly type: "reached"; readonly address: string; readonly remote: string }
  | { readonly type: "accepted"; readonly address: string; readonly remote: string }
  | {
      readonly type: "connected"
      readonly address: string
      readonly peer: number
      readonly remote: string
      readonly socketType: string | undefined
      readonly identity: Uint8Array
    }
  | {
      readonly type: "disconnected"
      readonly address: string
      readonly peer: number
      readonly remote: string
      readonly error?: ZincError
    }
  /** A connection was made but not the handshake. `retry` says whether it will be dialled again. */
  | {
      readonly type: "handshakeFailed"
      readonly address: string
      readonly remote: string
      readonly error: ZincError
      readonly retry: boolean
    }
  /** Nobody answered; it will be dialled again. */
  | { readonly type: "dialFailed"; readonly address: string; readonly error: ZincError; readonly retryInMs: number }
  /** It will be dialled again, after whatever ended. */
  | { readonly type: "redialling"; readonly address: string; readonly inMs: number }
  /** The socket is closed; nothing follows. */
  | { readonly type: "closed" }
  /** A second peer came with an identity that is taken; it was refused. (libzmq lets it starve silently.) */
  | { readonly type: "duplicateIdentity"; readonly remote: string; readonly identity: Uint8Array }

/** A peer whose handshake is complete. */
export interface Peer {
  /** Never used again in this socket. */
  readonly number: number
  readonly remote: string
  readonly info: PeerInfo
  readonly connection: Link
  readonly outbox: Outbox
}

/** Types of which libzmq says that several connections to one address make no sense. */
const onceTypes: ReadonlySet<string> = new Set(["DEALER", "SUB", "PUB", "REQ"])

/** An address that is dialled until told otherwise. */
interface Dialled {
  readonly address: string
  readonly identity: Uint8Array | undefined
  readonly backOff: BackOff
  /** Its queue, where that outlives connections. */
  readonly outbox: Outbox | undefined
  /** Aborts the attempt under way. */
  stop: AbortController
  /** Not dialled any more. */
  forgotten: boolean
  connection: Link | undefined
  timer: Timer | undefined
}

/** Somebody who has said who he is, and is not yet a peer. */
export interface Candidate {
  readonly info: PeerInfo
  readonly remote: string
  /** The queue that was there before it, where it was dialled. */
  readonly outbox: Outbox | undefined
  /** What we call it, where we dialled it under a name. */
  readonly identity: Uint8Array | undefined
}

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
  readonly #dialled = new Set<Dialled>()
  /** All connections, also those that still shake hands. */
  readonly #connections = new Set<Link>()
  /** Of those, the accepted ones that still do. */
  readonly #pending: PendingHandshakes
  readonly #peers = new Map<number, Peer>()
  #lastPeer = 0
  #closingLingerMs = 0
  #room: Deferred<void> | undefined
  #gone: Deferred<void> | undefined
  #lastAddress: string | undefined

  constructor(options: PatternSocketOptions) {
    this.options = options
    this.parts = withSystemParts(options)
    this.engine = new Engine(this.parts.clock, notNegative("maxBufferedBytes", options.maxBufferedBytes ?? 0))
    this.events = new Events(this.parts.logger)
    this.inbox = new Inbox({
      onBatch: options.onBatch,
      highWaterMark: notNegative("receiveHighWaterMark", options.receiveHighWaterMark ?? 1_000),
      bytesMax: notNegative("receiveBytesMax", options.receiveBytesMax ?? defaultReceiveBytes),
      conflate: this.conflates,
      view: options.frameView,
    })
    this.#carriers = new CarrierTable(this.parts.carriers)
    const pending = options.maxPendingHandshakes ?? pendingHandshakesMax
    this.#pending = new PendingHandshakes(atLeastOne("maxPendingHandshakes", pending))
    this.lifecycle = new Lifecycle(`the ${this.constructor.name} socket`)
    this.lifecycle.opened()
    outboxLimits(options.sendLimits)
    if (this.borrows && options.onBatch === undefined) {
      throw new ZincError("BadOption", "`borrow` is for onBatch: what waits to be read one by one must be kept")
    }
    if ((options.identity?.length ?? 0) > 255) {
      throw new ZincError("BadOption", `an identity has at most 255 octets, not ${options.identity?.length}`)
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
  /** Whether whoever gets our batches needs their octets during the call only. Asked while the socket is made. */
  protected get borrows(): boolean {
    return false
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
    this.#carriers.find(address)
    if (this.connectsOnce && this.#dialledAt(address).length > 0) return
    const { identity } = options
    if (identity !== undefined && !this.namesPeers)
      throw new ZincError("BadOption", "only Router and Stream sockets give their peers an identity")
    const ahead = (this.queuesAhead || identity !== undefined) && !this.options.immediate
    const dialled: Dialled = {
      address,
      identity,
      backOff: new BackOff(this.options.reconnect || {}, this.parts.random),
      outbox: ahead ? this.#newOutbox() : undefined,
      stop: new AbortController(),
      forgotten: false,
      connection: undefined,
      timer: undefined,
    }
    if (dialled.outbox !== undefined) this.#attach(dialled.outbox, identity)
    this.#dialled.add(dialled)
    this.#lastAddress = address
    this.#dial(dialled)
  }

  /** Stops dialling there, however often it was dialled, and closes the connections, after what is queued for it is sent. */
  disconnect(address: string): void {
    const all = this.#dialledAt(address)
    if (all.length === 0) throw new ZincError("BadAddress", `${address} is not connected`)
    for (const dialled of all) {
      this.#forget(dialled)
      dialled.connection?.finish(this.#lingerMs(undefined))
    }
  }

  #dialledAt(address: string): Dialled[] {
    return [...this.#dialled].filter(each => each.address === address)
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
  /** Closes one connection after what is queued for it is sent; where we dialled, it is dialled again. */
  disconnectPeer(peer: number): void {
    this.#peers.get(peer)?.connection.finish(this.#lingerMs(undefined))
  }

  get isOpen(): boolean {
    return this.lifecycle.isOpen
  }

  /** Messages that were sent and are not yet with the system. */
  get queued(): number {
    const outboxes = new Set<Outbox>()
    for (const { outbox } of this.#peers.values()) outboxes.add(outbox)
    for (const { outbox } of this.#dialled) if (outbox !== undefined) outboxes.add(outbox)
    let queued = 0
    for (const outbox of outboxes) queued += outbox.messages
    return queued
  }

  /** Octets that were received and wait to be read by `receive`. */
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
    for (const { outbox } of this.#dialled) if (outbox?.hasRoom === false) outbox.refuse()
    this.#room ??= deferred<void>()
    return this.#room.promise
  }

  protected signalRoom(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  // ---- the end ----

  /** Sends what is queued, for at most `lingerMs`, then closes; joins a close in progress. */
  close(options: { readonly lingerMs?: number } = {}): Promise<void> {
    return this.lifecycle.close(() => this.#close(this.#lingerMs(options.lingerMs)))
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
    return notNegative("lingerMs", asked ?? this.options.lingerMs ?? 1_000)
  }

  async #close(lingerMs: number): Promise<void> {
    this.#closingLingerMs = lingerMs
    this.signalRoom()
    const listening = [...this.#listeners].map(async ([address, { listener }]) => {
      await listener.close()
      this.events.emit({ type: "unbound", address })
    })
    this.#listeners.clear()
    for (const dialled of [...this.#dialled]) {
      if (dialled.connection?.isOpen === true) continue
      if (lingerMs === 0 || dialled.outbox === undefined || dialled.outbox.isEmpty) {
        this.#forget(dialled)
        dialled.connection?.destroy()
      }
    }
    for (const connection of [...this.#connections]) this.#finish(connection, lingerMs)
    if (this.#connections.size > 0 || this.#dialled.size > 0) {
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
    for (const dialled of [...this.#dialled]) this.#forget(dialled)
    for (const connection of [...this.#connections]) connection.destroy()
    this.#checkGone()
  }

  #checkGone(): void {
    if (this.#connections.size === 0 && this.#dialled.size === 0) this.#gone?.resolve()
  }

  // ---- dialling ----

  #dial(dialled: Dialled): void {
    const { address } = dialled
    const { connectTimeoutMs = 0, tuning } = this.options
    const stop = new AbortController()
    dialled.stop = stop
    dialled.timer =
      connectTimeoutMs > 0 ? this.engine.clock.after(connectTimeoutMs, () => stop.abort(notInTime(dialled))) : undefined
    this.events.emit({ type: "dialling", address })
    this.#carriers
      .find(address)
      .dial(address, { signal: stop.signal, ...(tuning && { tuning }) })
      .then(
        stream => {
          dialled.timer?.cancel()
          if (dialled.forgotten) {
            stream.destroy()
            return
          }
          this.events.emit({ type: "reached", address, remote: stream.remote })
          dialled.connection = this.#link(stream, dialled, address)
        },
        (error: unknown) => {
          dialled.timer?.cancel()
          if (dialled.forgotten) return
          const cause: unknown = stop.signal.aborted ? stop.signal.reason : error
          const failure = ZincError.is(cause) ? cause : new ZincError("Unreachable", String(cause), { cause })
          const retryInMs = this.#redial(dialled, failure)
          if (retryInMs !== undefined) this.events.emit({ type: "dialFailed", address, error: failure, retryInMs })
        },
      )
  }

  /** When it will be dialled again, or undefined when it will not. */
  #redial(dialled: Dialled, error: ZincError | undefined): number | undefined {
    dialled.connection = undefined
    if (dialled.forgotten) return undefined
    const closing = this.lifecycle.state !== State.Open
    if (
      this.options.reconnect === false ||
      error?.retryable === false ||
      (closing && (dialled.outbox === undefined || dialled.outbox.isEmpty))
    ) {
      this.#forget(dialled)
      return undefined
    }
    const wait = dialled.backOff.next()
    dialled.timer = this.engine.clock.after(wait, () => this.#dial(dialled))
    this.events.emit({ type: "redialling", address: dialled.address, inMs: wait })
    return wait
  }

  #forget(dialled: Dialled): void {
    this.#dialled.delete(dialled)
    dialled.forgotten = true
    dialled.timer?.cancel()
    dialled.stop.abort()
    // With a connection the queue goes when that is over.
    if (dialled.outbox !== undefined && dialled.connection === undefined) this.#detach(dialled.outbox)
    this.#checkGone()
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
        const retry = dialled !== undefined && this.#redial(dialled, error) !== undefined
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
      outbox: peer.outbox,
      handler,
    }
  }

  /** Whether its handshake had been complete. */
  #lost(peer: Peer, dialled: Dialled | undefined, address: string, error: ZincError | undefined): boolean {
    const wasOpen = this.#peers.delete(peer.number)
    // Also for one that was admitted and then refused: a pattern may have noted its name.
    this.closed(peer)
    if (!wasOpen) return false
    if (dialled?.outbox === undefined) this.#detach(peer.outbox)
    this.inbox.end(peer.number)
    this.events.emit({ type: "disconnected", address, peer: peer.number, remote: peer.remote, ...(error && { error }) })
    return true
  }

  // ---- queues ----

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

function notInTime(dialled: Dialled): ZincError {
  return new ZincError("Timeout", `nobody answered at ${dialled.address} in time`, { retryable: true })
}

/**
 * What all general sockets share: they bind and connect any number of times, dial again by themselves, and keep a
 * table of peers. The patterns, one per file beside this one, say what sending and receiving mean.
 *
 * These sockets behave as libzmq's do, save where noted. Endpoints do not use them (see zmtp-transport.ts); programs
 * that want plain ZeroMQ do, and so do interop tests and wire benchmarks.
 */

import type { Timer } from "../../../core/clock.ts"
import { type Deferred, deferred } from "../../../core/deferred.ts"
import { ZincError } from "../../../core/errors.ts"
import { Events } from "../../../core/events.ts"
import type { FrameBatch } from "../../../core/frame-batch.ts"
import { Lifecycle, State } from "../../../core/lifecycle.ts"
import { Connection, type ConnectionHandler, type PeerInfo, type Role, wrongType } from "../../../zmtp/connection.ts"
import { Engine } from "../../../zmtp/engine.ts"
import type { Security } from "../../../zmtp/mechanism/mechanism.ts"
import { nullSecurity } from "../../../zmtp/mechanism/null.ts"
import { Outbox } from "../../../zmtp/outbox.ts"
import type { SocketType } from "../../../zmtp/socket-type.ts"
import type { ByteStream, CarrierListener } from "../../carrier.ts"
import type { QueueLimits } from "../../transport.ts"
import { CarrierTable } from "../carrier-table.ts"
import { decoderLimits, defaultHandshakeTimeoutMs, notNegative, outboxLimits } from "../limits.ts"
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
  /** Largest whole message accepted; a larger one costs the peer its connection. Default 64 MiB. */
  readonly maxMessageBytes?: number
  /** Default 30,000 (libzmq's ZMQ_HANDSHAKE_IVL); 0 for none. */
  readonly handshakeTimeoutMs?: number
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
}

/** What happens to peers, for monitoring. `peer` is `batch.connection` of its messages; `remote` is for people. */
export type SocketEvent =
  | { readonly type: "listening"; readonly address: string }
  | {
      readonly type: "connected"
      readonly peer: number
      readonly remote: string
      readonly socketType: string | undefined
      readonly identity: Uint8Array
    }
  | { readonly type: "disconnected"; readonly peer: number; readonly remote: string; readonly error?: ZincError }
  /** A connection was made but not the handshake. `retry` says whether it will be dialled again. */
  | { readonly type: "handshakeFailed"; readonly remote: string; readonly error: ZincError; readonly retry: boolean }
  /** Nobody answered; it will be dialled again. */
  | { readonly type: "dialFailed"; readonly address: string; readonly error: ZincError; readonly retryInMs: number }
  /** A second peer came with an identity that is taken; it was refused. (libzmq lets it starve silently.) */
  | { readonly type: "duplicateIdentity"; readonly remote: string; readonly identity: Uint8Array }

/** A peer whose handshake is complete. */
export interface Peer {
  /** Never used again in this socket. */
  readonly number: number
  readonly remote: string
  readonly info: PeerInfo
  readonly connection: Connection
  readonly outbox: Outbox
}

/** An address that is dialled until told otherwise. */
interface Dialled {
  readonly address: string
  readonly backOff: BackOff
  /** Its queue, where that outlives connections. */
  readonly outbox: Outbox | undefined
  readonly stop: AbortController
  connection: Connection | undefined
  timer: Timer | undefined
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
  readonly #listeners = new Map<string, CarrierListener>()
  readonly #dialled = new Map<string, Dialled>()
  /** All connections, also those that still shake hands. */
  readonly #connections = new Set<Connection>()
  readonly #peers = new Map<number, Peer>()
  #lastPeer = 0
  #closingLingerMs = 0
  #room: Deferred<void> | undefined
  #gone: Deferred<void> | undefined

  constructor(options: PatternSocketOptions) {
    this.options = options
    this.parts = withSystemParts(options)
    this.engine = new Engine(this.parts.clock)
    this.events = new Events(this.parts.logger)
    this.inbox = new Inbox(options.onBatch, notNegative("receiveHighWaterMark", options.receiveHighWaterMark ?? 1_000))
    this.#carriers = new CarrierTable(this.parts.carriers)
    this.lifecycle = new Lifecycle(`the ${this.constructor.name} socket`)
    this.lifecycle.opened()
    outboxLimits(options.sendLimits)
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
  /** A queue that messages may now be sent to; for dialled ones perhaps before there is a connection. */
  protected attached(_outbox: Outbox): void {}
  protected detached(_outbox: Outbox): void {}
  /** Something about a peer that speaks against it, before it is told READY. */
  protected objection(_peer: PeerInfo, _remote: string): ZincError | undefined {
    return undefined
  }
  /** What is put before each of its messages. */
  protected prefixFor(_peer: PeerInfo, _number: number): Uint8Array | undefined {
    return undefined
  }
  protected opened(_peer: Peer): void {}
  protected closed(_peer: Peer): void {}
  protected received(_peer: Peer, batch: FrameBatch): void {
    this.inbox.deliver(batch)
  }
  protected subscription(_peer: Peer, _topic: Uint8Array, _wanted: boolean): void {}
  /** Whether a send would be taken now. */
  protected abstract get hasRoom(): boolean

  // ---- addresses ----

  /** Listens; resolves with the address to dial, wildcards filled in. Rejects as a carrier's `listen` does. */
  async bind(address: string): Promise<string> {
    this.lifecycle.assertOpen()
    const listener = await this.#carriers.find(address).listen(address, stream => this.#accept(stream))
    if (this.lifecycle.state !== State.Open) {
      await listener.close()
      this.lifecycle.assertOpen()
    }
    this.#listeners.set(listener.address, listener)
    this.events.emit({ type: "listening", address: listener.address })
    return listener.address
  }

  /** Stops listening there; connections already made stay. Throws `BadAddress` when it was not bound. */
  async unbind(address: string): Promise<void> {
    const listener = this.#listeners.get(address)
    if (listener === undefined)
      throw new ZincError("BadAddress", `${address} is not bound; use what bind resolved with`)
    this.#listeners.delete(address)
    await listener.close()
  }

  /**
   * Dials, now and again whenever the connection is lost, until `disconnect` or a fault that dialling again cannot
   * mend: a wrong socket type or mechanism, an ERROR, a bad frame (Q8). Throws `BadAddress`; an address that is
   * dialled already stays as it is.
   */
  connect(address: string): void {
    this.lifecycle.assertOpen()
    this.#carriers.find(address)
    if (this.#dialled.has(address)) return
    const dialled: Dialled = {
      address,
      backOff: new BackOff(this.options.reconnect || {}, this.parts.random),
      outbox: this.queuesAhead && !this.options.immediate ? this.#newOutbox() : undefined,
      stop: new AbortController(),
      connection: undefined,
      timer: undefined,
    }
    this.#dialled.set(address, dialled)
    if (dialled.outbox !== undefined) this.#attach(dialled.outbox)
    this.#dial(dialled)
  }

  /** Stops dialling there and closes the connection, after what is queued for it is sent. */
  disconnect(address: string): void {
    const dialled = this.#dialled.get(address)
    if (dialled === undefined) throw new ZincError("BadAddress", `${address} is not connected`)
    this.#forget(dialled)
    dialled.connection?.finish(this.#lingerMs(undefined))
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

  /** Resolves when a send that returned false may be tried again; at once when it may now; also when the socket closes. */
  drained(): Promise<void> {
    if (this.lifecycle.state !== State.Open || this.hasRoom) return Promise.resolve()
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
    const listening = [...this.#listeners.values()].map(one => one.close())
    this.#listeners.clear()
    for (const dialled of [...this.#dialled.values()]) {
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
  }

  /** A pattern gives up its memory. */
  protected shut(): void {}

  #finish(connection: Connection, lingerMs: number): void {
    if (lingerMs === 0) connection.destroy()
    else connection.finish(Number.isFinite(lingerMs) ? lingerMs : undefined)
  }

  #cut(): void {
    for (const dialled of [...this.#dialled.values()]) this.#forget(dialled)
    for (const connection of [...this.#connections]) connection.destroy()
    this.#checkGone()
  }

  #checkGone(): void {
    if (this.#connections.size === 0 && this.#dialled.size === 0) this.#gone?.resolve()
  }

  // ---- dialling ----

  #dial(dialled: Dialled): void {
    dialled.timer = undefined
    const { address, stop } = dialled
    this.#carriers
      .find(address)
      .dial(address, { signal: stop.signal })
      .then(
        stream => {
          if (stop.signal.aborted) stream.destroy()
          else dialled.connection = this.#link(stream, dialled)
        },
        (error: unknown) => {
          if (stop.signal.aborted) return
          const failure = ZincError.is(error) ? error : new ZincError("Unreachable", String(error), { cause: error })
          const retryInMs = this.#redial(dialled, failure)
          if (retryInMs !== undefined) this.events.emit({ type: "dialFailed", address, error: failure, retryInMs })
        },
      )
  }

  /** When it will be dialled again, or undefined when it will not. */
  #redial(dialled: Dialled, error: ZincError | undefined): number | undefined {
    dialled.connection = undefined
    if (dialled.stop.signal.aborted) return undefined
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
    return wait
  }

  #forget(dialled: Dialled): void {
    this.#dialled.delete(dialled.address)
    dialled.timer?.cancel()
    dialled.stop.abort()
    // With a connection the queue goes when that is over.
    if (dialled.outbox !== undefined && dialled.connection === undefined) this.#detach(dialled.outbox)
    this.#checkGone()
  }

  // ---- connections ----

  #accept(stream: ByteStream): void {
    if (this.lifecycle.state !== State.Open) stream.destroy()
    else this.#link(stream, undefined)
  }

  #link(stream: ByteStream, dialled: Dialled | undefined): Connection {
    let peer: Peer | undefined
    const { socketType } = this
    const { identity } = this.options
    const announces = dialled !== undefined || !this.withholdsReady
    const connection: Connection = new Connection({
      engine: this.engine,
      output: stream,
      mechanism: (this.options.security ?? nullSecurity).open(stream.remote),
      handshakeTimeoutMs: this.options.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs,
      ...(announces && { announce: { socketType, ...(identity && { identity }) } }),
      admit: info => {
        const objection = wrongType(socketType, info, stream.remote) ?? this.objection(info, stream.remote)
        if (objection !== undefined) return objection
        const number = ++this.#lastPeer
        const outbox = dialled?.outbox ?? this.#newOutbox()
        peer = { number, remote: stream.remote, info, connection, outbox }
        return this.#roleOf(peer, dialled)
      },
      onClosed: error => {
        this.#connections.delete(connection)
        const wasOpen = peer !== undefined && this.#lost(peer, dialled, error)
        const retry = dialled !== undefined && this.#redial(dialled, error) !== undefined
        if (!wasOpen && error !== undefined) {
          this.events.emit({ type: "handshakeFailed", remote: stream.remote, error, retry })
        }
        // The queue of a dialled address that was given up meanwhile.
        if (dialled?.outbox !== undefined && dialled.stop.signal.aborted) this.#detach(dialled.outbox)
        this.#checkGone()
      },
    })
    this.#connections.add(connection)
    connection.start()
    stream.start(connection)
    return connection
  }

  #roleOf(peer: Peer, dialled: Dialled | undefined): Role {
    const { heartbeat, identity } = this.options
    const prefix = this.prefixFor(peer.info, peer.number)
    const handler: ConnectionHandler = {
      onOpen: () => {
        this.#peers.set(peer.number, peer)
        dialled?.backOff.reset()
        this.inbox.open(peer.number, peer.connection)
        this.opened(peer)
        if (dialled?.outbox === undefined) this.#attach(peer.outbox)
        const { number, remote, info } = peer
        this.events.emit({
          type: "connected",
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
      outbox: peer.outbox,
      handler,
    }
  }

  /** Whether its handshake had been complete. */
  #lost(peer: Peer, dialled: Dialled | undefined, error: ZincError | undefined): boolean {
    const wasOpen = this.#peers.delete(peer.number)
    // Also for one that was admitted and then refused: a pattern may have noted its name.
    this.closed(peer)
    if (!wasOpen) return false
    if (dialled?.outbox === undefined) this.#detach(peer.outbox)
    this.inbox.end(peer.number)
    this.events.emit({ type: "disconnected", peer: peer.number, remote: peer.remote, ...(error && { error }) })
    return true
  }

  // ---- queues ----

  #newOutbox(): Outbox {
    return new Outbox({
      limits: outboxLimits(this.options.sendLimits),
      slabs: this.engine.slabs,
      flusher: this.engine.flusher,
      onRoom: () => this.signalRoom(),
    })
  }

  #attach(outbox: Outbox): void {
    this.attached(outbox)
    this.signalRoom()
  }

  #detach(outbox: Outbox): void {
    this.detached(outbox)
    outbox.clear()
  }
}

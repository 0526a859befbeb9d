/**
 * What a host's router, publisher and puller share: a table of connections, numbers that never come again, and an end.
 * Which connections are theirs is decided by the port they are bound at (see bound-port.ts).
 */

import { type Deferred, deferred } from "../../core/deferred.ts"
import { ZincError } from "../../core/errors.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import type { Connection, ConnectionHandler, Role } from "../../zmtp/connection.ts"
import type { Engine } from "../../zmtp/engine.ts"
import { Outbox } from "../../zmtp/outbox.ts"
import type { SocketType } from "../../zmtp/socket-type.ts"
import type { ConnectionHandler as PeerHandler, SocketOptions } from "../transport.ts"
import { atLeastOne, decoderLimits, defaultHandshakeTimeoutMs, outboxLimits } from "./limits.ts"
import { pendingHandshakesMax } from "./pending-handshakes.ts"

export const defaultLingerMs = 1_000

/** A connection whose handshake is complete. */
export interface BoundPeer {
  readonly number: number
  readonly connection: Connection
  readonly outbox: Outbox
}

/** Where sockets are bound together. */
export interface Port {
  /** One of its sockets is of no more use; resolves when what that frees is free. */
  left(): Promise<void>
}

export abstract class BoundSocket<P extends BoundPeer = BoundPeer> {
  readonly socketType: SocketType
  readonly handshakeTimeoutMs: number
  readonly maxPendingHandshakes: number
  protected readonly engine: Engine
  protected readonly peers: Map<number, P> = new Map()
  readonly #handler: PeerHandler
  readonly #options: SocketOptions
  readonly #ports = new Set<Port>()
  /** Told to finish, and not yet gone. */
  readonly #leaving = new Set<Connection>()
  #lastNumber = 0
  #closed = false
  #closing: Promise<void> | undefined
  #gone: Deferred<void> | undefined

  constructor(engine: Engine, socketType: SocketType, handler: PeerHandler, options: SocketOptions) {
    this.engine = engine
    this.socketType = socketType
    this.#handler = handler
    this.#options = options
    this.handshakeTimeoutMs = options.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs
    this.maxPendingHandshakes = atLeastOne("maxPendingHandshakes", options.maxPendingHandshakes ?? pendingHandshakesMax)
    outboxLimits(options.sendLimits)
    decoderLimits(options)
  }

  // ---- for the port ----

  get isClosed(): boolean {
    return this.#closed
  }

  /** Throws `Closed`. */
  assertOpen(): void {
    if (this.isClosed) throw new ZincError("Closed", `the ${this.socketType} socket is closed; make a new one`)
  }

  bound(port: Port): void {
    this.#ports.add(port)
  }

  /** What we are to a peer of a type that suits us. */
  roleFor(connection: Connection, tellEnd: (onEnd: (error: ZincError | undefined) => void) => void): Role {
    const number = ++this.#lastNumber
    const outbox = new Outbox({
      limits: outboxLimits(this.#options.sendLimits),
      slabs: this.engine.slabs,
      flusher: this.engine.flusher,
      onRoom: () => {
        if (!this.isClosed && this.peers.has(number)) this.hasRoom(number)
      },
    })
    const peer = this.makePeer(number, connection, outbox)
    tellEnd(error => this.#ended(peer, error))
    const { heartbeat } = this.#options
    const handler: ConnectionHandler = {
      onOpen: () => {
        this.peers.set(number, peer)
        if (this.isClosed) connection.destroy()
        else this.#handler.onConnect?.(number, connection.remote)
      },
      onBatch: batch => {
        batch.connection = number
        if (!this.isClosed) this.received(peer, batch)
      },
      onSubscription: (topic, wanted) => {
        if (!this.isClosed) this.subscription(peer, topic, wanted)
      },
    }
    return {
      socketType: this.socketType,
      limits: decoderLimits(this.#options, this.maxCommandBytes),
      ...(heartbeat && { heartbeat }),
      ...(this.paced && { paced: true }),
      outbox,
      handler,
    }
  }

  // ---- what a kind of socket says ----

  /** Largest command accepted, where that differs from the engine's. */
  protected readonly maxCommandBytes: number | undefined = undefined
  /** What peers say is subscriptions, which cost more than their octets. */
  protected readonly paced: boolean = false
  protected abstract makePeer(number: number, connection: Connection, outbox: Outbox): P
  protected received(_peer: P, _batch: FrameBatch): void {}
  protected subscription(_peer: P, _topic: Uint8Array, _wanted: boolean): void {}
  /** A queue that was full has fallen to half. */
  protected hasRoom(_number: number): void {}
  /** What is kept for a peer goes with it. */
  protected forget(_peer: P): void {}
  /** Nothing will be sent any more. */
  protected shut(): void {}

  // ---- the contract ----

  /** Sends what is queued for it, then closes that connection. */
  disconnect(number: number): void {
    this.assertOpen()
    const peer = this.peers.get(number)
    if (peer === undefined) return
    // It is gone for its owner's purposes; onDisconnect follows when it really is.
    this.#leaving.add(peer.connection)
    this.peers.delete(number)
    peer.connection.finish(defaultLingerMs)
  }

  close(options: { readonly lingerMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.lingerMs ?? defaultLingerMs)
    return this.#closing
  }

  abort(): void {
    this.#closing ??= this.#close(0)
    this.#cut()
  }

  async #close(lingerMs: number): Promise<void> {
    this.#closed = true
    for (const peer of this.peers.values()) {
      this.#leaving.add(peer.connection)
      peer.connection.finish(lingerMs)
    }
    if (lingerMs === 0) this.#cut()
    const ports = [...this.#ports].map(port => port.left())
    if (this.#leaving.size > 0) {
      this.#gone = deferred<void>()
      const timer = this.engine.clock.after(lingerMs, () => this.#cut())
      await this.#gone.promise
      timer.cancel()
    }
    await Promise.all(ports)
    this.shut()
  }

  #cut(): void {
    for (const connection of this.#leaving) connection.destroy()
    for (const peer of this.peers.values()) peer.connection.destroy()
  }

  #ended(peer: P, error: ZincError | undefined): void {
    const known = this.peers.delete(peer.number) || this.#leaving.has(peer.connection)
    this.#leaving.delete(peer.connection)
    peer.outbox.clear()
    this.forget(peer)
    if (this.#leaving.size === 0) this.#gone?.resolve()
    if (!known || this.isClosed) return
    if (error === undefined) this.#handler.onDisconnect?.(peer.number)
    else this.#handler.onDisconnect?.(peer.number, error)
  }
}

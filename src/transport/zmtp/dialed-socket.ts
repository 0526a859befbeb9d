/** What a client's dealer, subscriber and pusher share: one dial, one connection, one end. Nothing here redials. */

import { type Deferred, deferred } from "../../core/deferred.ts"
import { ZincError } from "../../core/errors.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import { Connection, type Role } from "../../zmtp/connection.ts"
import type { Engine } from "../../zmtp/engine.ts"
import type { Link } from "../../zmtp/link.ts"
import type { Security } from "../../zmtp/mechanism/mechanism.ts"
import { nullSecurity } from "../../zmtp/mechanism/null.ts"
import { Outbox, type OutboxLimits } from "../../zmtp/outbox.ts"
import type { SocketType } from "../../zmtp/socket-type.ts"
import { legAddress } from "../../zmtp/websocket/session.ts"
import type { DialedSocket, DialHandler, SocketOptions } from "../transport.ts"
import { defaultLingerMs } from "./bound-socket.ts"
import type { CarrierTable } from "./carrier-table.ts"
import { decoderLimits, defaultHandshakeTimeoutMs, outboxLimits } from "./limits.ts"

/** What the transport adds to the options of a socket that dials. */
export interface DialOptions extends SocketOptions {
  readonly security?: Security
}

export abstract class ZmtpDialedSocket implements DialedSocket {
  /** The connection from the end of the handshake until it is lost or the socket is closed. */
  protected connection: Link | undefined
  protected readonly outbox: Outbox
  readonly #engine: Engine
  readonly #carriers: CarrierTable
  readonly #socketType: SocketType
  readonly #handler: DialHandler
  readonly #options: DialOptions
  #dialled = false
  /** The dial under way: what ends it early. */
  #stop: ((reason: ZincError) => void) | undefined
  #closing: Promise<void> | undefined
  #gone: Deferred<void> | undefined

  constructor(
    engine: Engine,
    carriers: CarrierTable,
    socketType: SocketType,
    handler: DialHandler,
    options: DialOptions,
    limits: OutboxLimits = outboxLimits(options.sendLimits),
  ) {
    this.#engine = engine
    this.#carriers = carriers
    this.#socketType = socketType
    this.#handler = handler
    this.#options = options
    decoderLimits(options)
    this.outbox = new Outbox({
      limits,
      slabs: engine.slabs,
      flusher: engine.flusher,
      onRoom: () => {
        if (this.#closing === undefined && this.connection !== undefined) this.#handler.onDrain?.()
      },
    })
  }

  async connect(address: string, options: { readonly signal: AbortSignal }): Promise<void> {
    this.assertOpen()
    if (this.#dialled) {
      throw new ZincError(
        "BadOption",
        `this ${this.#socketType} socket has dialled before; make a new one for each dial`,
      )
    }
    this.#dialled = true
    try {
      await this.#dial(address, options.signal)
    } catch (thrown) {
      this.#closing ??= Promise.resolve()
      throw asDialError(thrown, address)
    }
  }

  close(options: { readonly lingerMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.lingerMs ?? defaultLingerMs)
    return this.#closing
  }

  abort(): void {
    this.#closing ??= Promise.resolve()
    this.#stop?.(this.#closedWhileDialling())
    this.connection?.destroy()
  }

  protected received(_batch: FrameBatch): void {}
  protected opened(_connection: Link): void {}

  protected assertOpen(): void {
    if (this.#closing !== undefined) {
      throw new ZincError("Closed", `the ${this.#socketType} socket is closed; make a new one`)
    }
  }

  // ---- dialling ----

  async #dial(address: string, signal: AbortSignal): Promise<void> {
    const carrier = this.#carriers.find(address)
    const aborted = () => new ZincError("Aborted", `dialling ${address} was aborted`, { cause: signal.reason })
    if (signal.aborted) throw aborted()
    const done = deferred<void>()
    const carrying = new AbortController()
    let connection: Connection | undefined
    this.#stop = reason => {
      if (done.settled) return
      done.reject(reason)
      carrying.abort()
      connection?.destroy()
    }
    const onAbort = () => this.#stop?.(aborted())
    signal.addEventListener("abort", onAbort, { once: true })
    try {
      carrier.dial(legAddress(address, this.#socketType), { signal: carrying.signal }).then(stream => {
        if (done.settled) {
          stream.destroy()
          return
        }
        connection = new Connection({
          engine: this.#engine,
          output: stream,
          mechanism: (this.#options.security ?? nullSecurity).open(stream.remote),
          handshakeTimeoutMs: this.#options.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs,
          announce: { socketType: this.#socketType },
          admit: () => this.#role(done),
          onClosed: error => {
            if (done.settled) this.#ended(error)
            else done.reject(error ?? new ZincError("HandshakeFailed", `${address} closed during the handshake`))
          },
        })
        connection.start()
        stream.start(connection)
      }, done.reject)
      await done.promise
    } finally {
      this.#stop = undefined
      signal.removeEventListener("abort", onAbort)
    }
  }

  #role(done: Deferred<void>): Role {
    const { heartbeat } = this.#options
    return {
      socketType: this.#socketType,
      limits: decoderLimits(this.#options),
      ...(heartbeat && { heartbeat }),
      outbox: this.outbox,
      handler: {
        onOpen: connection => {
          if (done.settled) return
          this.connection = connection
          this.opened(connection)
          done.resolve()
        },
        onBatch: batch => {
          batch.connection = 1
          if (this.#closing === undefined && this.connection !== undefined) this.received(batch)
        },
        onSubscription: () => {},
      },
    }
  }

  #closedWhileDialling(): ZincError {
    return new ZincError("Aborted", `the ${this.#socketType} socket was closed while it dialled`)
  }

  // ---- the end ----

  async #close(lingerMs: number): Promise<void> {
    this.#stop?.(this.#closedWhileDialling())
    const { connection } = this
    if (connection === undefined) return
    this.#gone = deferred<void>()
    if (lingerMs === 0) connection.destroy()
    else connection.finish(lingerMs)
    await this.#gone.promise
  }

  #ended(error: ZincError | undefined): void {
    this.outbox.clear()
    if (this.connection === undefined) return
    this.connection = undefined
    this.#gone?.resolve()
    if (this.#closing !== undefined) return
    if (error === undefined) this.#handler.onDisconnect?.()
    else this.#handler.onDisconnect?.(error)
  }
}

/** Codes that `connect` promises; what else went wrong in a handshake is a failed handshake. */
const dialCodes: readonly string[] = ["Unreachable", "HandshakeFailed", "Timeout", "BadAddress", "Aborted", "Closed"]

function asDialError(thrown: unknown, address: string): ZincError {
  if (ZincError.is(thrown) && dialCodes.includes(thrown.code)) return thrown
  const why = thrown instanceof Error ? thrown.message : String(thrown)
  // What the engine says begins with the address already.
  const what = why.includes(address) ? "the handshake failed" : `the handshake with ${address} failed`
  return new ZincError("HandshakeFailed", `${what}: ${why}`, { cause: thrown })
}

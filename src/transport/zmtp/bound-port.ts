/**
 * One listening address for a host's three sockets. The peer's READY says what it is, and with that which of the
 * three it is for; until then nobody has it, and it has no longer than the handshake may take.
 */
import { ZincError } from "../../core/errors.ts"
import type { Logger } from "../../core/logger.ts"
import { Connection, type PeerInfo } from "../../zmtp/connection.ts"
import type { Engine } from "../../zmtp/engine.ts"
import type { Security } from "../../zmtp/mechanism/mechanism.ts"
import { mayTalk } from "../../zmtp/socket-type.ts"
import type { ByteStream, Carrier, CarrierListener } from "../carrier.ts"
import type { BoundSocket, Port } from "./bound-socket.ts"
import { PendingHandshakes } from "./pending-handshakes.ts"

export class BoundPort implements Port {
  readonly #engine: Engine
  readonly #logger: Logger
  readonly #sockets: readonly BoundSocket[]
  readonly #security: Security
  /** Those whose READY has not come yet. */
  readonly #strangers: PendingHandshakes
  #listener: CarrierListener | undefined

  constructor(engine: Engine, logger: Logger, sockets: readonly BoundSocket[], security: Security) {
    this.#engine = engine
    this.#logger = logger
    this.#sockets = sockets
    this.#security = security
    this.#strangers = new PendingHandshakes(Math.min(...sockets.map(socket => socket.maxPendingHandshakes)))
  }

  /** Resolves with the address to dial. Rejects as the carrier does, and with `Closed` when the sockets were closed. */
  async listen(carrier: Carrier, address: string): Promise<string> {
    const listener = await carrier.listen(address, stream => this.#accept(stream))
    try {
      for (const socket of this.#sockets) socket.assertOpen()
    } catch (closed) {
      await listener.close()
      throw closed
    }
    this.#listener = listener
    for (const socket of this.#sockets) socket.bound(this)
    return listener.address
  }

  async left(): Promise<void> {
    if (this.#sockets.some(socket => !socket.isClosed)) return
    this.#strangers.destroyAll()
    await this.#listener?.close()
  }

  #accept(stream: ByteStream): void {
    const sockets = this.#sockets.filter(socket => !socket.isClosed)
    if (sockets.length === 0) {
      stream.destroy()
      return
    }
    let onEnd: ((error: ZincError | undefined) => void) | undefined
    const connection: Connection = new Connection({
      engine: this.#engine,
      output: stream,
      mechanism: this.#security.open(stream.remote),
      handshakeTimeoutMs: Math.min(...sockets.map(socket => socket.handshakeTimeoutMs)),
      admit: peer => {
        const socket = this.#socketFor(peer)
        if (socket instanceof ZincError) return socket
        this.#strangers.delete(connection)
        return socket.roleFor(connection, end => {
          onEnd = end
        })
      },
      onClosed: error => {
        this.#strangers.delete(connection)
        if (onEnd !== undefined) onEnd(error)
        else if (error !== undefined) this.#logger.debug("a connection was refused or lost before READY", { error })
      },
    })
    connection.start()
    stream.start(connection)
    this.#strangers.add(connection)
  }

  #socketFor(peer: PeerInfo): BoundSocket | ZincError {
    const { socketType } = peer
    if (socketType === undefined) return refused("a peer must name its Socket-Type in READY here")
    const socket = this.#sockets.find(one => mayTalk(one.socketType, socketType))
    if (socket === undefined) return refused(`no socket here talks to a ${socketType}; check the address`)
    if (socket.isClosed) return refused(`the ${socket.socketType} socket here is closed`)
    return socket
  }
}

function refused(why: string): ZincError {
  return new ZincError("HandshakeFailed", why)
}

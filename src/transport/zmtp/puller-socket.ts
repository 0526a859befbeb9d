/** The host's end of the up leg: messages from many pushers, each of which can be made to wait. */
import type { FrameBatch } from "../../core/frame-batch.ts"
import type { Connection } from "../../zmtp/connection.ts"
import type { Engine } from "../../zmtp/engine.ts"
import type { Outbox } from "../../zmtp/outbox.ts"
import { SocketType } from "../../zmtp/socket-type.ts"
import type { PullerHandler, PullerSocket, SocketOptions } from "../transport.ts"
import { type BoundPeer, BoundSocket } from "./bound-socket.ts"

export class ZmtpPuller extends BoundSocket implements PullerSocket {
  readonly #handler: PullerHandler

  constructor(engine: Engine, handler: PullerHandler, options: SocketOptions) {
    super(engine, SocketType.Pull, handler, options)
    this.#handler = handler
  }

  pause(connection: number): void {
    this.assertOpen()
    this.peers.get(connection)?.connection.pause()
  }
  resume(connection: number): void {
    this.assertOpen()
    this.peers.get(connection)?.connection.resume()
  }

  protected makePeer(number: number, connection: Connection, outbox: Outbox): BoundPeer {
    return { number, connection, outbox }
  }
  protected override received(_peer: BoundPeer, batch: FrameBatch): void {
    this.#handler.onBatch(batch)
  }
}

/** The host's end of the control leg: messages from and to single connections. */
import type { FrameBatch } from "../../core/frame-batch.ts"
import type { Connection } from "../../zmtp/connection.ts"
import type { Engine } from "../../zmtp/engine.ts"
import type { Outbox } from "../../zmtp/outbox.ts"
import { SocketType } from "../../zmtp/socket-type.ts"
import type { RouterHandler, RouterSocket, SocketOptions } from "../transport.ts"
import { type BoundPeer, BoundSocket } from "./bound-socket.ts"

export class ZmtpRouter extends BoundSocket implements RouterSocket {
  readonly #handler: RouterHandler

  constructor(engine: Engine, handler: RouterHandler, options: SocketOptions) {
    super(engine, SocketType.Router, handler, options)
    this.#handler = handler
  }

  send(connection: number, frames: readonly Uint8Array[]): boolean {
    this.assertOpen()
    return this.peers.get(connection)?.outbox.send(frames) ?? false
  }

  protected makePeer(number: number, connection: Connection, outbox: Outbox): BoundPeer {
    return { number, connection, outbox }
  }
  protected override received(_peer: BoundPeer, batch: FrameBatch): void {
    this.#handler.onBatch(batch)
  }
}

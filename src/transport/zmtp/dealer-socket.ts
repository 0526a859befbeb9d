/** The client's end of the control leg. */
import type { FrameBatch } from "../../core/frame-batch.ts"
import type { Engine } from "../../zmtp/engine.ts"
import { SocketType } from "../../zmtp/socket-type.ts"
import type { DealerHandler, DealerSocket, SocketOptions } from "../transport.ts"
import type { CarrierTable } from "./carrier-table.ts"
import { ZmtpDialedSocket } from "./dialed-socket.ts"

export class ZmtpDealer extends ZmtpDialedSocket implements DealerSocket {
  readonly #handler: DealerHandler

  constructor(engine: Engine, carriers: CarrierTable, handler: DealerHandler, options: SocketOptions) {
    super(engine, carriers, SocketType.Dealer, handler, options)
    this.#handler = handler
  }

  send(frames: readonly Uint8Array[]): boolean {
    this.assertOpen()
    return this.connection !== undefined && this.outbox.send(frames)
  }

  protected override received(batch: FrameBatch): void {
    this.#handler.onBatch(batch)
  }
}

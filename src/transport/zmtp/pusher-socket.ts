/** The client's end of the up leg. */
import type { Engine } from "../../zmtp/engine.ts"
import { SocketType } from "../../zmtp/socket-type.ts"
import type { DialHandler, PusherSocket, SocketOptions } from "../transport.ts"
import type { CarrierTable } from "./carrier-table.ts"
import { ZmtpDialedSocket } from "./dialed-socket.ts"

export class ZmtpPusher extends ZmtpDialedSocket implements PusherSocket {
  constructor(engine: Engine, carriers: CarrierTable, handler: DialHandler, options: SocketOptions) {
    super(engine, carriers, SocketType.Push, handler, options)
  }

  /** In octets. */
  get waiting(): number {
    return this.outbox.bytes
  }

  send(frames: readonly Uint8Array[]): boolean {
    this.assertOpen()
    return this.connection !== undefined && this.outbox.send(frames)
  }
}

/** The transport that endpoints use by default: our engine over what the machine offers, tcp, ipc, WebSocket and inproc. */
import { EngineTransport, type TransportSecurity } from "./engine-transport.ts"
import { type Parts, withSystemParts } from "./system.ts"

export interface ZmtpTransportOptions extends Parts {
  readonly security?: TransportSecurity
  /**
   * Most octets that all connections may hold together: of messages that have not come whole, of what waits to be sent, and
   * of subscriptions.
   * Beyond it the connection that holds most is closed with `Full`, and may come back. Default 1 GiB, 0 for no limit.
   */
  readonly maxBufferedBytes?: number
}

export class ZmtpTransport extends EngineTransport {
  constructor(options: ZmtpTransportOptions = {}) {
    super(withSystemParts(options), options)
  }
}

/** The transport that endpoints use by default: our engine over what the machine offers, tcp, ipc, WebSocket and inproc. */
import { EngineTransport, type TransportSecurity } from "./engine-transport.ts"
import { type Parts, withSystemParts } from "./system.ts"

export interface ZmtpTransportOptions extends Parts {
  readonly security?: TransportSecurity
}

export class ZmtpTransport extends EngineTransport {
  constructor(options: ZmtpTransportOptions = {}) {
    super(withSystemParts(options), options)
  }
}

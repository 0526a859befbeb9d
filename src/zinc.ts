/**
 * The front door's endpoint: messages with everything filled in. Below it nothing knows which transport is the default.
 */
import type { HostOptions, JoinOptions } from "./endpoint/api.ts"
import { MessageEndpoint } from "./endpoint/message-endpoint.ts"
import { ZmtpTransport } from "./transport/zmtp/index.ts"

/**
 * A node of a tree: hosts a cluster or joins one. All it opens is closed with it.
 *
 *     const host = await Endpoint.host({ listen: "tcp://*:7700" })
 *     const me = await Endpoint.join("tcp://hub.local:7700")
 */
export class Endpoint extends MessageEndpoint {
  /** As `MessageEndpoint.host`; the default transport is `new ZmtpTransport()`. */
  static override async host(options: HostOptions): Promise<Endpoint> {
    const endpoint = new Endpoint(withDefaults(options), "host")
    await endpoint.openHost(options)
    return endpoint
  }

  /** As `MessageEndpoint.join`; the default transport is `new ZmtpTransport()`. */
  static override async join(address: string | readonly string[], options: JoinOptions = {}): Promise<Endpoint> {
    const endpoint = new Endpoint(withDefaults(options), "client")
    await endpoint.openClient(address, options)
    return endpoint
  }
}

function withDefaults<O extends HostOptions | JoinOptions>(options: O): O {
  if (typeof options !== "object" || options === null || options.transport !== undefined) return options
  return {
    ...options,
    transport: new ZmtpTransport({ ...(options.logger === undefined ? {} : { logger: options.logger }) }),
  }
}

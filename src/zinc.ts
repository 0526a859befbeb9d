/** The front door's endpoint, with everything filled in. Below it nothing knows which transport is the default. */
import { warningLogger } from "./core/warning-logger.ts"
import type { HostOptions, JoinOptions } from "./endpoint/api.ts"
import { ZmtpTransport } from "./transport/zmtp/index.ts"
import { WholeEndpoint, type WithDocuments } from "./whole-endpoint.ts"

export type { DocumentInfo, WithDocuments } from "./whole-endpoint.ts"

/**
 * A node of a tree: hosts a cluster or joins one. All it opens is closed with it.
 *
 *     const host = await Endpoint.host({ listen: "tcp://*:7700" })
 *     const me = await Endpoint.join("tcp://hub.local:7700")
 *     const notes = await me.document("notes", text)
 */
export class Endpoint extends WholeEndpoint {
  /**
   * Opens an endpoint that hosts a cluster; resolves when every address is bound. The default transport is
   * `new ZmtpTransport()`. Rejects with `AddressInUse`, `BadAddress`, `BadOption`, `Unguarded`, `Unreachable` or `Aborted`.
   *
   *     const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0", name: "hub" })
   *     console.log("others join", host.addresses[0])
   */
  static override async host(options: HostOptions & WithDocuments): Promise<Endpoint> {
    const endpoint = new Endpoint(withDefaults(options), "host")
    await endpoint.openHost(options)
    return endpoint
  }

  /**
   * Opens an endpoint that joins the host at the address, or at the first of several that takes it; resolves when nothing
   * sent from then on will be missed. Later it comes back to a lost host by itself. The default transport is
   * `new ZmtpTransport()`. Rejects with `Unreachable`, `Refused`, `Unauthorized`, `VersionMismatch`, `Timeout`,
   * `BadAddress`, `BadOption` or `Aborted`.
   *
   *     const ada = await Endpoint.join("tcp://hub.local:7700", { name: "ada" })
   */
  static override async join(
    address: string | readonly string[],
    options: JoinOptions & WithDocuments = {},
  ): Promise<Endpoint> {
    const endpoint = new Endpoint(withDefaults(options), options?.listen === undefined ? "client" : "relay")
    await endpoint.openClient(address, options)
    return endpoint
  }
}

function withDefaults<O extends HostOptions | JoinOptions>(options: O): O {
  if (typeof options !== "object" || options === null) return options
  const logger = options.logger ?? warningLogger()
  return { ...options, logger, transport: options.transport ?? new ZmtpTransport({ logger }) }
}

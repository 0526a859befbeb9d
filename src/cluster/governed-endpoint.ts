/** An endpoint that votes, for messages alone. The front door's `Endpoint` has documents besides. */
import type { ZincError } from "../core/errors.ts"
import type { HostOptions } from "../endpoint/api.ts"
import { MessageEndpoint } from "../endpoint/message-endpoint.ts"
import type { RootRecord } from "./election/root-record.ts"
import { Governance, type GovernedOptions } from "./governance.ts"
import { governedOptions } from "./governed-options.ts"
import type { VoteFolder } from "./vote-folder/vote-folder.ts"
import { checkPlaces } from "./voter-options.ts"

export class GovernedEndpoint extends MessageEndpoint {
  #governance: Governance | undefined

  /**
   * Opens an endpoint that hosts and votes; resolves when it is root, or has joined below the root. The folder is its from
   * then on. Rejects as `MessageEndpoint.host` does.
   */
  static async govern(options: HostOptions & GovernedOptions, folder: VoteFolder): Promise<GovernedEndpoint> {
    checkPlaces(options)
    const endpoint = new GovernedEndpoint(options, "relay", governedOptions)
    endpoint.#governance = await Governance.open(endpoint, () => endpoint.openVoter(options), options, folder)
    return endpoint
  }

  /** The root record as it is known here. */
  get rootRecord(): RootRecord | undefined {
    return this.#governance?.record
  }

  /** As `MessageEndpoint.close`. A root with other voters gives its reign away first (R7). */
  override async close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    await super.close((await this.#governance?.handOver(options)) ?? options)
    await this.#governance?.close()
  }

  override abort(reason?: ZincError): void {
    void this.#governance?.close()
    super.abort(reason)
  }
}

/** The front door's endpoint, with everything filled in. Below it nothing knows which transport is the default. */

import {
  checkPlaces,
  Governance,
  type GovernedOptions,
  governedOptions,
  type RootRecord,
  type VoteFolder,
} from "./cluster/index.ts"
import { FileVoteFolder } from "./cluster/vote-folder/file/index.ts"
import { ZincError } from "./core/errors.ts"
import { type Check, type OptionTable, wrong } from "./core/option-table.ts"
import { emitWarning, warningLogger } from "./core/warning-logger.ts"
import type { HostOptions, JoinOptions } from "./endpoint/api.ts"
import { elsewhere } from "./endpoint/option-check.ts"
import { OwnRelays } from "./relays/own-relays.ts"
import { readRelayOptions, type WithRelays } from "./relays/relay-options.ts"
import { ZmtpTransport } from "./transport/zmtp/index.ts"
import { WholeEndpoint, type WithDocuments } from "./whole-endpoint.ts"

export type { RelayOptions, RelayParts, WithRelays } from "./relays/relay-options.ts"
export type { DocumentInfo, WithDocuments } from "./whole-endpoint.ts"

/** How a host takes part in the choice of its tree's root. */
export interface WithVotes extends GovernedOptions {
  /**
   * The folder where it keeps its votes and the tree's ordered log; made if it is not there. With it the host votes on who
   * is root (three voters survive the loss of one); without it, it is the root, and the tree ends with it.
   */
  readonly data?: string | VoteFolder
}

/**
 * A node of a tree: hosts a cluster or joins one. All it opens is closed with it.
 *
 *     const host = await Endpoint.host({ listen: "tcp://*:7700" })
 *     const me = await Endpoint.join("tcp://hub.local:7700")
 *     const notes = await me.document("notes", text)
 */
export class Endpoint extends WholeEndpoint {
  #governance: Governance | undefined
  #relays: OwnRelays | undefined

  /**
   * Opens an endpoint that hosts a cluster; resolves when every address is bound. The default transport is
   * `new ZmtpTransport()`. Rejects with `AddressInUse`, `BadAddress`, `BadOption`, `Unguarded`, `Unreachable` or `Aborted`.
   *
   *     const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0", name: "hub" })
   *     console.log("others join", host.addresses[0])
   *
   * With `data` it votes on who is root of its tree, and resolves when it is root or has joined below the root; then it also
   * rejects with `BadFile` for a damaged folder, `AddressInUse` for one that is open already, and `Duplicate` for a copied one
   * whose voter is alive; that is also what closes it should this be found later. With `relays` it resolves
   * when these have joined it, and rejects with what keeps one from it.
   */
  static override async host(given: HostOptions & WithDocuments & WithVotes & WithRelays): Promise<Endpoint> {
    const relays = ownRelays(given)
    const options = relays === undefined ? given : { ...given, ...relays.hosting }
    if (options?.data !== undefined) return (await Endpoint.#govern(options, options.data)).#spread(relays, options)
    for (const name of [
      "seeds",
      "coordinator",
      "found",
      "voters",
      "advertise",
      "commit",
      "direct",
      "onWaiting",
    ] as const) {
      if (options?.[name] !== undefined)
        throw new ZincError("BadOption", `${name} is for hosts that vote, and a vote needs a folder: give data`)
    }
    const endpoint = new Endpoint(withDefaults(options), "host", hostOptions)
    await endpoint.openHost(options)
    return endpoint.#spread(relays, options)
  }

  /** Opens its own relays. It is closed when they cannot join it. */
  async #spread(relays: OwnRelays | undefined, { tree, logger }: HostOptions | JoinOptions): Promise<this> {
    if (relays === undefined) return this
    this.#relays = relays
    void this.closed.then(({ requested }) => requested || relays.terminate())
    try {
      await relays.open({ name: this.name, bound: this.addresses }, tree, logger ?? warningLogger())
    } catch (thrown) {
      await this.close({ timeoutMs: 1 })
      throw thrown
    }
    return this
  }

  static async #govern(given: HostOptions & WithDocuments & WithVotes, data: string | VoteFolder): Promise<Endpoint> {
    checkPlaces(given)
    const { onWaiting = given.logger === undefined ? warnOfWaiting : undefined } = given
    const options = withDefaults({ ...given, ...(onWaiting && { onWaiting }) })
    const endpoint = new Endpoint(options, "relay", hostOptions)
    const folder =
      typeof data === "string" ? await FileVoteFolder.open({ folder: data, tree: options.tree ?? "zinc" }) : data
    endpoint.#governance = await Governance.open(endpoint, () => endpoint.openVoter(options), options, folder)
    return endpoint
  }

  /** At a host with `data`: who is root of the tree and who votes, as far as it is known here. */
  get rootRecord(): RootRecord | undefined {
    return this.#governance?.record
  }

  /** As `MessageEndpoint.close`. A root with other voters gives its reign away first; relays of its own end after it. */
  override async close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    await super.close((await this.#governance?.handOver(options)) ?? options)
    await Promise.all([
      this.#governance?.close(),
      // Their clients go where this host's went; after the root of all there is nowhere to go.
      this.#relays?.close(this.role === "host" ? lastRelayMs : (options.timeoutMs ?? 5_000)),
    ])
  }

  override abort(reason?: ZincError): void {
    this.#relays?.terminate()
    void this.#governance?.close()
    super.abort(reason)
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
    given: JoinOptions & WithDocuments & WithRelays = {},
  ): Promise<Endpoint> {
    const relays = ownRelays(given)
    const options = relays === undefined ? given : { ...given, ...relays.hosting }
    const endpoint = new Endpoint(
      withDefaults(options),
      options?.listen === undefined ? "client" : "relay",
      joinOptions,
    )
    await endpoint.openClient(address, options)
    return endpoint.#spread(relays, options)
  }
}

const folder: Check = (name, value) => {
  const { voterId, write } = (value ?? {}) as Partial<VoteFolder>
  if (typeof value !== "string" && !(typeof voterId === "string" && typeof write === "function"))
    throw wrong(name, "the path of a folder, or a VoteFolder", value)
}
const joinOptions: OptionTable = { relays: elsewhere }
const hostOptions: OptionTable = { ...joinOptions, ...governedOptions, data: folder }

/** How long the relays of a root that is closed may take to tell their clients. */
const lastRelayMs = 300

function warnOfWaiting(reason: string): void {
  emitWarning(`a voter is not part of its tree yet: ${reason}`)
}

/** Throws `BadOption`. */
function ownRelays(options: (HostOptions | JoinOptions) & WithDocuments & WithRelays): OwnRelays | undefined {
  if (options?.relays === undefined) return undefined
  if (options.listen === undefined) throw new ZincError("BadOption", "relays are for those who listen: give listen too")
  return new OwnRelays(readRelayOptions(options.relays, options), options)
}

function withDefaults<O extends HostOptions | JoinOptions>(options: O): O {
  if (typeof options !== "object" || options === null) return options
  const logger = options.logger ?? warningLogger()
  return { ...options, logger, transport: options.transport ?? new ZmtpTransport({ logger }) }
}

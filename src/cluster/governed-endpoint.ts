/**
 * An endpoint that votes on who is root of its tree (R1 to R7), and is root itself while it is chosen. With fewer than three
 * voters it is a host that keeps its tree's generation, but nobody takes its place.
 */
import type { Coordinator } from "../coordination/coordinator.ts"
import { ZincError } from "../core/errors.ts"
import type { HostOptions, JoinOptions } from "../endpoint/api.ts"
import { MessageEndpoint } from "../endpoint/message-endpoint.ts"
import type { RootRecord } from "./election/root-record.ts"
import { Governor } from "./governor.ts"
import type { VoteFolder } from "./vote-folder/vote-folder.ts"
import { Voting } from "./voting/voting.ts"

/** What voting adds to the options of a host. The options of joining count while it is a relay. */
export interface GovernedOptions extends Pick<JoinOptions, "token" | "reconnect" | "joinTimeoutMs"> {
  /**
   * Addresses of the hosts that shall vote, in the same order everywhere; its own may be among them. The first founds the
   * tree. Default: none; then it is the only voter.
   */
  readonly seeds?: readonly string[]
  /** What keeps the root record: ZooKeeper, etcd. Default: the voters themselves. It stays open. */
  readonly coordinator?: Coordinator
  /** Whether to found the tree if there is none. Default: if the first seed is its own, or there are none. */
  readonly found?: boolean
  /** How many voters the tree shall have, 1 to 7; those beyond stand by. Default 3. */
  readonly voters?: number
  /**
   * Nothing stands between others and this process at its addresses (no proxy, no firewall that rejects): a refused dial
   * proves that it has ended, and another takes its place at once instead of after the lease of 1.65 s. Default false.
   */
  readonly direct?: boolean
  /** Where others dial it, if not at the addresses it listens on. */
  readonly advertise?: readonly string[]
  /**
   * When ordered messages are passed on: "root", as soon as the root has numbered them; "majority", when a majority of the
   * voters has stored them, so that none is ever taken back (no `diverged`). Default "root".
   */
  readonly commit?: "root" | "majority"
}

export class GovernedEndpoint extends MessageEndpoint {
  #voting: Voting | undefined
  #governor: Governor | undefined

  /**
   * Opens an endpoint that hosts and votes; resolves when it is root, or has joined below the root. The folder is its from
   * then on. Rejects as `MessageEndpoint.host` does.
   */
  static async govern(options: HostOptions & GovernedOptions, folder: VoteFolder): Promise<GovernedEndpoint> {
    const endpoint = new GovernedEndpoint(options, "relay")
    await endpoint.openGoverned(options, folder)
    return endpoint
  }

  /** The root record as it is known here; undefined at an endpoint that does not vote, or before there is one. */
  get rootRecord(): RootRecord | undefined {
    return this.#voting?.record
  }

  protected async openGoverned(options: HostOptions & GovernedOptions, folder: VoteFolder): Promise<void> {
    const { tree = "zinc", commit = "root", direct = false } = options
    if (commit !== "root" && commit !== "majority")
      throw new ZincError("BadOption", `commit must be "root" or "majority", not "${String(commit)}"`)
    const { seat, clock, random, logger, transport } = await this.openVoter({ ...options, tree })
    try {
      this.#voting = await Voting.open({
        tree,
        folder,
        addresses: options.advertise ?? this.addresses,
        direct,
        id: this.id,
        name: this.name,
        seeds: options.seeds ?? [],
        found: options.found,
        coordinator: options.coordinator,
        ...(options.voters === undefined ? {} : { voters: options.voters }),
        ...(options.token === undefined ? {} : { token: options.token }),
        transport,
        clock,
        random,
        logger,
      })
      this.#governor = new Governor({
        seat,
        voting: this.#voting,
        tree,
        deliver: commit === "majority" ? "majority" : "ordered",
      })
      seat.receiveVoters(this.#voting)
      await seat.seated(options.signal)
    } catch (thrown) {
      this.abort(ZincError.is(thrown) ? thrown : undefined)
      if (this.#voting === undefined) await folder.close()
      throw thrown
    }
  }

  /** As `MessageEndpoint.close`. A root with other voters gives its reign away first (R7). */
  override async close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    const voting = this.#voting
    if (voting?.hasAuthority() && voting.linked.length > 0) await voting.handOver().catch(() => {})
    this.#governor?.end()
    await super.close(options)
    await voting?.close()
  }

  override abort(reason?: ZincError): void {
    this.#governor?.end()
    void this.#voting?.close()
    super.abort(reason)
  }
}

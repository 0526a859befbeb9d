/** Votes for an endpoint, and has the endpoint be what the voters chose: root of its tree, or relay (R1 to R7). */
import type { Coordinator } from "../coordination/coordinator.ts"
import { type Clock, sleep } from "../core/clock.ts"
import { ZincError } from "../core/errors.ts"
import type { HostOptions, JoinOptions } from "../endpoint/api.ts"
import type { OpenedVoter } from "../endpoint/message-endpoint.ts"
import type { Seat } from "../endpoint/seat.ts"
import type { RootRecord } from "./election/root-record.ts"
import { Governor } from "./governor.ts"
import type { VoteFolder } from "./vote-folder/vote-folder.ts"
import { Voting } from "./voting/voting.ts"
import { WaitingReport } from "./waiting-report.ts"

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
   * Told, in words for people, what the opening waits for when it takes longer than a moment: a seed that does not answer, a
   * root that is yet to be chosen. Again whenever that changes. The logger has the same as warnings. Default: warnings of the
   * process if there is no logger.
   */
  readonly onWaiting?: (reason: string) => void
  /**
   * When ordered messages are passed on: "root", as soon as the root has numbered them; "majority", when a majority of the
   * voters has stored them, so that none is ever taken back (no `diverged`). Default "root".
   */
  readonly commit?: "root" | "majority"
}

/** The endpoint, as far as its votes are concerned. */
export interface GovernedPlace {
  readonly id: string
  readonly name: string
  readonly addresses: readonly string[]
  abort(reason?: ZincError): void
}

/** The longest that a root waits for its clients to go to its heir. */
const letGoMs = 2000
/** The longest that a root which has given its reign away waits for its place below the new one. */
const placedMs = 1000
/** How often one that cannot give its reign away just now looks whether it can. */
const engagedLookMs = 5
/** One that has found nobody to take its reign closes within this long, or what is left of its time. */
const unplacedMs = 500

export class Governance {
  readonly #clock: Clock
  readonly #voting: Voting
  readonly #governor: Governor
  readonly #seat: Seat
  #isOver = false

  /**
   * Opens the endpoint by `openVoter` and begins to vote for it; resolves when it is part of its tree. The folder is the
   * governance's from then on. Rejects with what `openVoter` does, `BadOption`, `Aborted`, `Duplicate` or what closed the
   * endpoint; then both are closed.
   */
  static async open(
    place: GovernedPlace,
    openVoter: () => Promise<OpenedVoter>,
    options: HostOptions & GovernedOptions,
    folder: VoteFolder,
  ): Promise<Governance> {
    try {
      const opened = await openVoter().catch(async thrown => {
        await folder.close()
        throw thrown
      })
      return await Governance.#vote(place, opened, options, folder)
    } catch (thrown) {
      place.abort()
      throw thrown
    }
  }

  static async #vote(
    place: GovernedPlace,
    opened: OpenedVoter,
    options: HostOptions & GovernedOptions,
    folder: VoteFolder,
  ): Promise<Governance> {
    const { tree = "zinc", commit = "root", direct = false } = options
    const { seat, clock, random, logger, transport } = opened
    let voting: Voting | undefined
    try {
      if (commit !== "root" && commit !== "majority")
        throw new ZincError("BadOption", `commit must be "root" or "majority", not "${String(commit)}"`)
      voting = await Voting.open({
        tree,
        folder,
        addresses: options.advertise ?? place.addresses,
        direct,
        id: place.id,
        name: place.name,
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
      const deliver = commit === "majority" ? "majority" : "ordered"
      const onDouble = (error: ZincError) => place.abort(error)
      const governance = new Governance(voting, new Governor({ seat, voting, tree, deliver, onDouble }), seat, clock)
      seat.receiveVoters(voting)
      const reasons = () => governance.#voting.waitingFor
      const report = new WaitingReport({ clock, logger, tree, reasons, onWaiting: options.onWaiting })
      const forget = voting.on("storageFailed", ({ error }) => place.abort(error))
      await seat.seated(options.signal).finally(() => {
        report.end()
        forget()
      })
      return governance
    } catch (thrown) {
      if (voting === undefined) await folder.close()
      else await voting.close()
      throw thrown
    }
  }

  private constructor(voting: Voting, governor: Governor, seat: Seat, clock: Clock) {
    this.#clock = clock
    this.#voting = voting
    this.#governor = governor
    this.#seat = seat
  }

  /** The root record as it is known here; undefined before there is one. */
  get record(): RootRecord | undefined {
    return this.#voting.record
  }

  /**
   * R7: a root with other voters gives its reign away before it closes. Its clients go below the next root before, while
   * it still orders what they send; those who have not gone after that time go after. Resolves when it hangs below the new
   * root, with what is left of the time for closing: all of it, unless nobody would take the reign.
   */
  async handOver<Options extends { readonly timeoutMs?: number }>(options: Options): Promise<Options> {
    const { timeoutMs = 5000 } = options
    const voting = this.#voting
    const seat = this.#seat
    const began = this.#clock.now()
    let isRefused = false
    // One that is below us already stays above all that go there now: only the root changes then.
    const heir = voting.heirs.find(each => seat.hosts(each))
    if (heir !== undefined && voting.hasAuthority()) await seat.drainTo(heir, Math.min(timeoutMs / 2, letGoMs))
    while (voting.hasAuthority() && voting.heirs.length > 0) {
      const to = voting.heirs.find(({ voterId }) => voterId === heir?.voterId) ?? voting.heirs[0]!
      const refusal = await voting.handOver({ to: to.voterId }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      if (refusal === undefined) {
        await seat.placed(placedMs)
        return options
      }
      isRefused = true
      if (this.#clock.now() - began >= timeoutMs) break
      // The set is being changed, or the record is not ours yet: a moment later it may be.
      if (ZincError.is(refusal) && refusal.code === "WrongState") await sleep(this.#clock, engagedLookMs)
    }
    // It has waited for a root already.
    const leftMs = Math.max(Math.min(timeoutMs, unplacedMs), timeoutMs - (this.#clock.now() - began))
    return isRefused ? { ...options, timeoutMs: leftMs } : options
  }

  /** Votes no more. The endpoint stays what it is. */
  async close(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    this.#governor.end()
    await this.#voting.close()
  }
}

/**
 * The part of an endpoint that votes: who is root, and the tree's ordered log (R1 to R7). It joins the election's state
 * machine to real links, a data folder and the root record's store. It knows nothing of clients: whoever runs it says who
 * orders what, and asks `hasAuthority` before each act as root.
 */
import type { Coordinator } from "../../coordination/coordinator.ts"
import type { Clock } from "../../core/clock.ts"
import { deferred } from "../../core/deferred.ts"
import { ZincError } from "../../core/errors.ts"
import { Events } from "../../core/events.ts"
import { type Logger, silentLogger } from "../../core/logger.ts"
import { checkTreeName } from "../../core/name.ts"
import type { Random } from "../../core/random.ts"
import type { VoterCaller, VoterConnection, VoterReception } from "../../endpoint/host/voter-gate.ts"
import type { VoterHello } from "../../message/control.ts"
import type { Transport } from "../../transport/transport.ts"
import {
  type Counter,
  type ElectionEvent,
  type ElectionTiming,
  EmbeddedKeeper,
  type LogLimits,
  type OrderedLog,
  type OrderOutcome,
  type Proposal,
  type StreamPlace,
  Voter,
} from "../election/index.ts"
import {
  isVoter,
  type RootPlace,
  type RootRecord,
  type VoterEntry,
  type VoterId,
  votersForPromotion,
  votersMax,
} from "../election/root-record.ts"
import type { VoteFolder } from "../vote-folder/vote-folder.ts"
import { CoordinatorKeeper } from "./coordinator-keeper.ts"
import { Electorate } from "./electorate.ts"
import { VoterPeers } from "./voter-peers.ts"
import type { ReigningRoot, VotingEvent } from "./voting-event.ts"

export interface VotingOptions {
  /** The tree's name. */
  readonly tree: string
  /** The open data folder; it says who we are. `close` closes it too. */
  readonly folder: VoteFolder
  /** Where other voters, and clients, dial us. */
  readonly addresses: readonly string[]
  /** R4: nothing stands between others and this process at these addresses, so that a refused dial proves that it has ended. */
  readonly direct: boolean
  /** The endpoint's id and name, for the record. */
  readonly id?: string
  readonly name?: string
  /** Addresses of those that shall be voters, in the same order everywhere; our own may be among them. Default none. */
  readonly seeds?: readonly string[]
  /** Whether to found the tree if there is none. Default: if the first seed is ours, or there are none. */
  readonly found?: boolean | undefined
  /** How many voters the tree shall have: 3 or 5, up to 7. Default 3. Those beyond stand by. */
  readonly voters?: number
  /** What holds the root record; stays open when we close. Default: the voters themselves. */
  readonly coordinator?: Coordinator | undefined
  /** By which other voters are dialled. */
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger?: Logger
  readonly timing?: Partial<ElectionTiming>
  readonly limits?: Partial<LogLimits>
  /** For the other voters' authenticators. */
  readonly token?: string | Uint8Array
}

/** A hand-over that nobody has taken by then has failed. */
const handOverMs = 5000

export class Voting implements VoterReception {
  readonly voterId: VoterId
  readonly #o: VotingOptions
  readonly #logger: Logger
  readonly #events: Events<VotingEvent>
  readonly #voter: Voter
  readonly #peers: VoterPeers
  readonly #electorate: Electorate
  readonly #keeper: CoordinatorKeeper | undefined
  #root: ReigningRoot | undefined
  /** The highest epoch that was told. */
  #told = 0
  /** Where we are found as the root. */
  readonly #self: RootPlace
  #closing: Promise<void> | undefined
  #failure: ZincError | undefined

  /** Resolves when this life's number is stored; from then on we vote. Throws `BadOption`. */
  static async open(options: VotingOptions): Promise<Voting> {
    const voting = new Voting(options)
    await new Promise<void>((resolve, reject) => {
      options.folder.onFailed(reject)
      voting.#voter.start(resolve)
    })
    voting.#start()
    return voting
  }

  private constructor(options: VotingOptions) {
    const { tree, folder, addresses, direct, id, name, seeds = [], clock, random, coordinator, transport } = options
    const { voters = votersForPromotion, logger = silentLogger, token = "" } = options
    checkTreeName(tree)
    if (coordinator !== undefined && coordinator.tree !== tree)
      throw new ZincError("BadOption", `the coordinator is of the tree "${coordinator.tree}", not "${tree}"`)
    if (!Number.isInteger(voters) || voters < 1 || voters > votersMax)
      throw new ZincError("BadOption", `voters is ${voters}; it must be a whole number from 1 to ${votersMax}`)
    this.#o = options
    this.#logger = logger
    this.#events = new Events<VotingEvent>(logger)
    this.voterId = folder.voterId
    const entry: VoterEntry = {
      voterId: folder.voterId,
      ...(name === undefined ? {} : { name }),
      addresses,
      ...(direct ? { direct } : {}),
    }
    const self: RootPlace = id === undefined ? entry : { ...entry, id }
    this.#self = self
    if (coordinator !== undefined) this.#keeper = new CoordinatorKeeper(coordinator, clock, logger)
    const keeper = this.#keeper
    this.#voter = new Voter({
      tree,
      self,
      clock,
      random,
      links: { send: (to, frame) => this.#peers.send(to, frame), redial: to => this.#peers.redial(to) },
      storage: folder,
      memory: folder.memory,
      keeper: state => keeper ?? new EmbeddedKeeper({ state, storage: folder, memory: folder.memory }),
      listener: event => this.#onEvent(event),
      ...(options.timing && { timing: options.timing }),
      ...(options.limits && { limits: options.limits }),
    })
    const voter = this.#voter
    this.#peers = new VoterPeers({
      tree,
      self: entry,
      seeds,
      token: typeof token === "string" ? new TextEncoder().encode(token) : token,
      transport,
      clock,
      random,
      logger,
      generation: () => voter.record?.generation,
      record: () => voter.record,
      onFrame: frame => voter.receive(frame),
      onLinkClosed: peer => voter.linkClosed(peer),
      onRedialed: (peer, outcome) => voter.redialed(peer, outcome),
      onRecord: record => this.#shown(record),
      onJoin: asking => this.#electorate.asked(asking),
      onJoinReply: code => this.#electorate.answered(code),
      onForeign: (from, generation) => this.#tell({ type: "generationRefused", from, generation }),
      onDouble: (double, reason) => this.#tell({ type: "doubleRefused", double, reason }),
      onBeingDouble: reason => {
        const error = new ZincError("Duplicate", reason)
        // Not while one of our connections is in the middle of something.
        clock.soon(() => this.#fail({ type: "isDouble", error }))
      },
      onOpened: peer => {
        for (const address of peer.addresses) this.#electorate.tried(address)
        // Not before it knows who we are: our welcome is still to be sent.
        clock.soon(() => {
          if (this.#closing !== undefined || this.#failure !== undefined) return
          this.#electorate.look()
          voter.linkOpened(peer.voterId)
        })
      },
      onTried: address => this.#electorate.tried(address),
    })
    this.#electorate = new Electorate({
      voter,
      self: entry,
      seeds,
      found: options.found,
      size: voters,
      hasStore: coordinator !== undefined,
      clock,
      ask: root => this.#peers.askToJoin(root),
      waiting: reason => this.#tell({ type: "waiting", reason }),
      answersAt: (voter, addresses) => this.#peers.answersAt(voter, addresses),
      replacing: (former, voter) =>
        logger.warn("a voter answers where another was, whose folder is lost: it takes its place", {
          tree,
          former: former.voterId,
          voter: voter.voterId,
          addresses: voter.addresses,
        }),
    })
    folder.onFailed(error => this.#fail({ type: "storageFailed", error }))
  }

  #start(): void {
    this.#peers.start()
    this.#electorate.start()
    // Told again when the number changes; a record that was remembered is no change.
    const count = this.record?.voters.length ?? votersForPromotion
    if (count < votersForPromotion) this.#o.clock.soon(() => this.#tell({ type: "fewVoters", count }))
  }

  // ---- what is so now ----

  get record(): RootRecord | undefined {
    return this.#voter.record
  }
  /** The root, another or ourselves; undefined while none is known. */
  get root(): ReigningRoot | undefined {
    return this.#root
  }
  /** The epoch of our own reign, opened or not. */
  get reignEpoch(): number | undefined {
    return this.#voter.reignEpoch
  }
  /** R4: whether we are the root and may act as such now. To be asked before each act. */
  hasAuthority(): boolean {
    return this.#closing === undefined && this.#voter.hasAuthority()
  }
  /** Whether that root speaks to us, or is us: a voter that stands by, or has just begun, may only know of it. */
  get isFollowing(): boolean {
    const { root } = this.#voter
    return root !== undefined && root.id === this.#root?.voterId && root.epoch === this.#root.epoch
  }
  /** Our copy of the ordered log: its entries, `table` and `committed`. To be read only. */
  get log(): OrderedLog {
    return this.#voter.log
  }
  /** The number of the last entry that a majority has stored. */
  get committed(): number {
    return this.#voter.log.committed
  }
  /** Where each ordered stream stands, by our copy of the log. */
  get places(): ReadonlyMap<string, StreamPlace> {
    return this.#voter.log.table.places()
  }
  /** Other voters that are linked now. */
  get linked(): readonly VoterId[] {
    return this.#peers.linked
  }
  /** Seeds at which nobody was found yet. */
  get missing(): readonly string[] {
    return this.#peers.missing
  }
  get counters(): Counter {
    return this.#voter.counters
  }

  on<T extends VotingEvent["type"] | "*">(
    type: T,
    listener: (event: T extends "*" ? VotingEvent : Extract<VotingEvent, { type: T }>) => void,
  ): () => void {
    return this.#events.on(type, listener)
  }

  // ---- what may be asked ----

  /** Gives a proposal its place, if we have authority. It is stored by a majority once `committed` reaches its number. */
  order(proposal: Proposal): OrderOutcome {
    if (this.#closing !== undefined) return { type: "refused", code: "NoAuthority" }
    return this.#voter.order(proposal)
  }

  /** R1, at the root: false when it cannot begin (no authority, another change under way, or nothing to change). */
  addVoter(voter: VoterEntry): boolean {
    return this.#voter.addVoter(voter)
  }
  /** As above. Whoever is lost for good is taken out only so, and makes room for one that stands by. */
  removeVoter(id: VoterId): boolean {
    return this.#voter.removeVoter(id)
  }

  /** R7, at the root: the voters that could take its place, the one whose log reaches furthest first. */
  get heirs(): readonly VoterEntry[] {
    return this.#voter.heirs
  }

  /**
   * R7: gives the reign to that voter, or to the one that is furthest. Resolves when it reigns. `leaving`: we shall not vote
   * any more either. Rejects with `WrongState` (no authority, a change of voters under way, nobody to give it to), or
   * `Timeout`; then the voters choose anew, or we reign on.
   */
  handOver(options: { readonly to?: VoterId; readonly leaving?: boolean } = {}): Promise<ReigningRoot> {
    const { clock, tree } = this.#o
    const { promise, resolve, reject } = deferred<ReigningRoot>()
    const failed = (why: string) => {
      reject(new ZincError("Timeout", `the reign over "${tree}" was not taken over: ${why}`, { retryable: true }))
    }
    const stop = this.on("reign", ({ root }) => {
      if (!root.self) resolve(root)
    })
    const timer = clock.after(handOverMs, () => failed(`nobody reigns after ${handOverMs} ms`))
    const begun = this.#voter.handOver(options, outcome => {
      if (outcome === undefined) failed("the successor did not catch up")
    })
    if (!begun)
      reject(
        new ZincError(
          "WrongState",
          `there is no reign over "${tree}" here that could be handed over now, or nobody to take it`,
        ),
      )
    return promise.finally(() => {
      timer.cancel()
      stop()
    })
  }

  // ---- VoterReception ----

  arrived(connection: VoterConnection, hello: VoterHello): VoterCaller {
    return this.#peers.arrived(connection, hello)
  }

  get isVoter(): boolean {
    return this.#peers.isVoter
  }

  makeRoomFor(voterId: VoterId): boolean {
    return this.#peers.makeRoomFor(voterId)
  }

  /** What is missing until there is a root that we follow, or are, in words for people. */
  get waitingFor(): readonly string[] {
    const { record, voterId } = this
    const reasons: string[] = []
    const reason = this.#keeper?.failure ?? this.#electorate.reason
    if (reason !== undefined) reasons.push(reason)
    if (record !== undefined && this.#root === undefined) {
      const { voters } = record
      const there = voters.filter(each => each.voterId === voterId || this.linked.includes(each.voterId))
      reasons.push(
        `there is no root yet: it takes a majority of the ${voters.length} voters, and ${there.length} can be reached`,
      )
    } else if (this.#root !== undefined && !this.#root.self)
      reasons.push(`the root, at ${this.#root.addresses.join(" ")}, has not taken it in yet`)
    return [...reasons, ...this.#peers.troubles]
  }

  /** Why we vote no longer, if that is so. */
  get failure(): ZincError | undefined {
    return this.#failure
  }

  /** Stops voting at once, without a hand-over; then closes the data folder. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    // Nobody has to wait until our lease is over.
    this.#voter.release()
    this.#stop()
    await this.#o.folder.close()
  }

  /** We must not vote any more. */
  #fail(event: Extract<VotingEvent, { readonly error: ZincError }>): void {
    if (this.#closing !== undefined || this.#failure !== undefined) return
    this.#failure = event.error
    // Nobody has to wait until our lease is over.
    if (event.type === "storageFailed") this.#voter.release()
    this.#stop()
    this.#logger.error("this voter votes no more", { tree: this.#o.tree, voter: this.voterId, error: event.error })
    this.#tell(event)
  }

  #stop(): void {
    this.#voter.end()
    this.#electorate.end()
    this.#peers.end()
    this.#keeper?.end()
    this.#root = undefined
  }

  // ---- what the election tells ----

  #onEvent(event: ElectionEvent): void {
    switch (event.type) {
      case "record":
        this.#placed(event.record.root)
        this.#tell({ type: "recordChanged", record: event.record })
        this.#named(event.record)
        this.#peers.show(event.record)
        this.#electorate.look()
        return
      case "reign":
        this.#obeyed(event.epoch, event.root)
        return
      case "opened":
        // The record may still name the root before.
        this.#reigns(this.#self, event.epoch, event.starts)
        return
      case "deposed":
        this.#deposed(event.epoch, event.why)
        return
      case "suspected":
        // A promise to one that reigned before us, or before the root that we know, may end later.
        if (this.#root !== undefined && this.#root.voterId !== event.root) return
        this.#root = undefined
        this.#tell({ type: "noRoot", reason: event.why })
        return
      case "removed":
        this.#electorate.removed()
        this.#tell(event)
        return
      case "votersKept":
        this.#tell({ type: "votersKept", reason: event.why })
        return
      case "candidate":
      case "failed":
      case "inherited":
        this.#logger.info(`election: ${event.type}`, { ...event, tree: this.#o.tree, voter: this.voterId })
        return
      default:
        this.#tell(event)
    }
  }

  /** A peer knows that record. Whoever only stands by hears no root, so it follows this one though it remembers it already. */
  #shown(record: RootRecord): void {
    this.#voter.learn(record)
    const known = this.record
    if (known?.revision === record.revision && !isVoter(known, this.voterId)) this.#named(known)
  }

  /** The record names a root that we have not heard of: whoever only stands by learns of it so. */
  #named({ epoch, root }: RootRecord): void {
    if (root.voterId !== this.voterId && epoch > this.#told) this.#reigns(root, epoch, undefined)
  }

  /** A root may be obeyed before the record names it: then its endpoint is not known yet. */
  #placed({ voterId, addresses, id }: RootPlace): void {
    if (this.#root?.voterId === voterId && !this.#root.self) this.#root = { ...this.#root, addresses, id }
  }

  #obeyed(epoch: number, id: VoterId): void {
    const known = this.#root
    if (known?.epoch === epoch && known.voterId === id) return
    const { record } = this
    const place = record?.root.voterId === id ? record.root : record?.voters.find(voter => voter.voterId === id)
    this.#reigns(place ?? { voterId: id, addresses: [] }, epoch, undefined)
  }

  #reigns(place: RootPlace, epoch: number, places: ReadonlyMap<string, StreamPlace> | undefined): void {
    const { voterId, addresses, id } = place
    const self = voterId === this.voterId
    // The other's reign may be heard of a moment before the election ends ours; it is told in its order.
    if (!self && this.#root?.self === true) this.#deposed(this.#root.epoch, `${epoch} is reigned by another`)
    this.#told = Math.max(this.#told, epoch)
    this.#root = { voterId, epoch, addresses, id, self }
    this.#tell({ type: "reign", root: this.#root, epoch, addresses, self, places })
  }

  /** Once for each reign that was told as ours. */
  #deposed(epoch: number, reason: string): void {
    if (this.#root?.self !== true || this.#root.epoch !== epoch) return
    this.#root = undefined
    this.#tell({ type: "deposed", epoch, reason })
  }

  #tell(event: VotingEvent): void {
    const fields = { tree: this.#o.tree, voter: this.voterId }
    if (event.type === "fewVoters")
      this.#logger.warn(
        `${event.count} of at least ${votersForPromotion} voters: nobody is promoted when the root is lost`,
        fields,
      )
    else if (event.type === "doubleRefused")
      this.#logger.warn("a copy of another voter's folder is refused", {
        ...fields,
        ...event.double,
        reason: event.reason,
      })
    else if (event.type !== "committed" && event.type !== "appended")
      this.#logger.info(`voting: ${event.type}`, { ...fields, ...event })
    this.#events.emit(event)
  }
}

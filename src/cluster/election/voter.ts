/**
 * One voter: obeys a root, promises it a lease, notices when it is gone, signs for one candidate per epoch, becomes a
 * candidate and a root itself. It does no I/O: clock, randomness, links, storage and the record's keeper are handed in,
 * and the shell tells it what came. R1 to R7 of docs/protocol/election.md.
 */

import type { Clock } from "../../core/clock.ts"
import type { Random } from "../../core/random.ts"
import { Alarm } from "./alarm.ts"
import { Candidacy } from "./candidacy.ts"
import type { Counter } from "./counter.ts"
import type { ElectionListener } from "./election-event.ts"
import {
  allRules,
  checkTiming,
  defaultLogLimits,
  defaultTiming,
  type ElectionRules,
  type ElectionTiming,
  type LogLimits,
} from "./election-options.ts"
import { LeasePromise } from "./lease-promise.ts"
import { Opening } from "./opening.ts"
import type { LogPosition, Proposal } from "./ordered-entry.ts"
import type { OrderedLog } from "./ordered-log.ts"
import { isPlausible, isPlausibleRecord } from "./plausible.ts"
import type { ReadOutcome, RecordKeeper } from "./record-keeper.ts"
import { type Handed, type OrderOutcome, Reign, type ReignOptions } from "./reign.ts"
import {
  foundingRecord,
  needsLease,
  newGenerationId,
  type RootPlace,
  type RootRecord,
  type VoterEntry,
  type VoterId,
} from "./root-record.ts"
import { Strangers } from "./strangers.ts"
import type { VoteMemory, VoteStorage } from "./vote-storage.ts"
import { DialOutcome, type VoterLinks } from "./voter-links.ts"
import type {
  Append,
  Appended,
  Fetch,
  HandOver,
  InstallSnapshot,
  MakeReady,
  RecordMessage,
  Sign,
  VoterFrame,
  WouldSign,
} from "./voter-message.ts"
import { VoterState } from "./voter-state.ts"

export interface VoterOptions {
  readonly tree: string
  /** Who we are and where we are dialled. */
  readonly self: RootPlace
  readonly clock: Clock
  readonly random: Random
  readonly links: VoterLinks
  readonly storage: VoteStorage
  /** What the storage held when it was opened. */
  readonly memory: VoteMemory
  /** Given the shared state, what keeps the record: an embedded keeper speaks through it. */
  readonly keeper: (state: VoterState) => RecordKeeper & { onMessage?(from: VoterEntry, message: RecordMessage): void }
  readonly timing?: Partial<ElectionTiming>
  readonly limits?: Partial<LogLimits>
  readonly listener: ElectionListener
  /** For the simulator only. */
  readonly rules?: Partial<ElectionRules>
}

interface ObeyedRoot {
  readonly id: VoterId
  readonly epoch: number
  readonly incarnation: number
}

/** Between two looks at a record that could not be read. */
const readAgainRounds = 5

export class Voter {
  readonly #state: VoterState
  readonly #keeper: ReturnType<VoterOptions["keeper"]>
  readonly #promise: LeasePromise
  readonly #election: Alarm
  readonly #silence: Alarm
  /** The highest life heard of each peer. */
  readonly #incarnations = new Map<VoterId, number>()
  /** Which reign was in question when a peer was dialled. */
  readonly #dialling = new Map<VoterId, ObeyedRoot>()
  readonly #foreign = new Set<VoterId>()
  readonly #strangers: Strangers
  #root: ObeyedRoot | undefined
  #candidacy: Candidacy | undefined
  #reign: Reign | undefined
  /** Whom we have signed for last, and when it was last heard of. */
  #backed: { readonly id: VoterId; readonly at: number } | undefined
  /** When we first said that we are ready for a reign, and to whom. */
  #readied: { readonly to: VoterId; readonly epoch: number; readonly at: number } | undefined
  #failures = 0
  #stagger = 0
  #ready = false

  constructor(options: VoterOptions) {
    const timing = checkTiming({ ...defaultTiming, ...options.timing })
    const { clock, memory } = options
    const rules = { ...allRules, ...options.rules }
    let keeper: RecordKeeper | undefined
    this.#state = new VoterState({
      ...options,
      keeper: {
        read: done => keeper!.read(done),
        compareAndSet: (revision, record, done) => keeper!.compareAndSet(revision, record, done),
        expectChange: () => keeper!.expectChange?.(),
        watch: listener => keeper!.watch(listener),
      },
      timing,
      limits: { ...defaultLogLimits, ...options.limits },
      rules,
    })
    this.#keeper = options.keeper(this.#state)
    keeper = this.#keeper
    this.#strangers = new Strangers(this.#state, done => this.readRecord(done))
    const openedBefore = memory.incarnation > 0 && rules.promiseOutlivesRestart
    this.#promise = new LeasePromise(timing.leaseMs + timing.marginMs, openedBefore ? clock.now() : undefined)
    this.#election = new Alarm(clock, () => this.#onElectionDue())
    this.#silence = new Alarm(clock, () => this.#onSilence())
  }

  /** Begins, once this life's number is stored; then `ready` is called. */
  start(ready: () => void = () => {}): void {
    this.#state.whenStored(() => {
      this.#ready = true
      ready()
      this.#keeper.watch(record => this.#onRecord(record))
      this.#drawStagger()
      this.#consider()
      this.#readRecord()
    })
  }

  /** As by `kill`: nothing more is said or done. */
  end(): void {
    this.#state.end()
    this.#candidacy?.stop()
    this.#reign?.end("ended")
    this.#election.end()
    this.#silence.end()
  }

  // ---- what others may ask ----

  get id(): VoterId {
    return this.#state.id
  }
  get log(): OrderedLog {
    return this.#state.log
  }
  get record(): RootRecord | undefined {
    return this.#state.record
  }
  get counters(): Counter {
    return this.#state.counters
  }
  /** The root obeyed: another, or ourselves; undefined while there is none that we know. */
  get root(): { readonly id: VoterId; readonly epoch: number } | undefined {
    return this.#reign !== undefined ? { id: this.id, epoch: this.#reign.epoch } : this.#root
  }
  /** The epoch of our own reign, if we have one. */
  get reignEpoch(): number | undefined {
    return this.#reign?.epoch
  }

  /** R4: whether we are the root and may act as such now. To be asked before each act. */
  hasAuthority(): boolean {
    return this.#reign?.hasAuthority() ?? false
  }

  // ---- what others may have done ----

  /** R1: begins a tree, with us as its only voter and root. Only the first seed does. */
  found(done: (founded: boolean) => void): void {
    const state = this.#state
    const record = foundingRecord(state.tree, newGenerationId(state.random), state.self)
    state.sign(record.epoch, state.id, () => {
      state.keeper.compareAndSet(0, record, outcome => {
        if (outcome.type !== "set") return done(false)
        this.#reignWith(record, undefined, undefined)
        done(true)
      })
    })
  }

  order(proposal: Proposal): OrderOutcome {
    return this.#reign?.order(proposal) ?? { type: "refused", code: "NoAuthority" }
  }

  /** R1: false when it cannot begin: no authority, another change under way, or nothing to change. */
  addVoter(voter: VoterEntry): boolean {
    return this.#reign?.addVoter(voter) ?? false
  }
  removeVoter(id: VoterId): boolean {
    return this.#reign?.removeVoter(id) ?? false
  }

  /** R1: that voter of the set is found elsewhere than the record says. False as above. */
  moveVoter(voter: VoterEntry): boolean {
    return this.#reign?.moveVoter(voter) ?? false
  }

  /** R7: at the root, the voters that could take its place, the one whose log reaches furthest first. */
  get heirs(): readonly VoterEntry[] {
    return this.#reign?.heirs ?? []
  }

  /**
   * R7: gives the reign away. `leaving`: we shall not vote any more either. `signed` is called once our successor has our
   * signature, or with undefined when it did not catch up and we reign on.
   */
  handOver(
    options: { readonly to?: VoterId | undefined; readonly leaving?: boolean } = {},
    signed: (outcome: { readonly epoch: number } | undefined) => void = () => {},
  ): boolean {
    const { to, leaving = false } = options
    return this.#reign?.handOver(to, leaving, signed) ?? false
  }

  /** Gives the reign up for nobody in particular: the voters need not wait until our lease is over. */
  release(): void {
    this.#reign?.release()
    this.#stepDown("given up")
  }

  /** What the record's keeper holds now. */
  readRecord(done: (outcome: ReadOutcome) => void): void {
    this.#keeper.read(outcome => {
      if (this.#state.ended) return
      if (outcome.type === "read" && outcome.record !== undefined) this.#onRecord(outcome.record)
      done(outcome)
    })
  }

  /** Somebody has shown a record that holds, or once held. */
  learn(record: RootRecord): void {
    if (!this.#state.ended && isPlausibleRecord(record, this.#state)) this.#onRecord(record)
  }

  // ---- what comes ----

  receive(frame: VoterFrame): void {
    const state = this.#state
    if (!this.#ready || state.ended || frame.tree !== state.tree || frame.to !== state.id) return
    const { message, incarnation } = frame
    if (frame.generation !== state.generation && !this.#joins(frame)) return
    if (!this.#strangers.hears(frame)) {
      state.counters.strangersFrames++
      this.#tellStranger(frame)
      return
    }
    if (!isPlausible(message, state)) {
      state.counters.implausibleFrames++
      return
    }
    const known = this.#incarnations.get(frame.from) ?? 0
    if (incarnation < known) {
      state.counters.staleFrames++
      return
    }
    if (incarnation > known) {
      this.#incarnations.set(frame.from, incarnation)
      this.#peerRestarted(frame.from, incarnation)
    }
    switch (message.type) {
      case "append":
      case "installSnapshot":
        this.#onRootSpeaks(frame, message)
        return
      case "appended":
        this.#onAppended(frame.from, message)
        return
      case "wouldSign":
        this.#onWouldSign(frame.from, message)
        return
      case "wouldSignReply":
        if (message.record !== undefined) this.#onRecord(message.record)
        this.#candidacy?.onWouldSignReply(frame.from, message)
        return
      case "sign":
        this.#onSign(frame.from, message)
        return
      case "signature":
        if (message.record !== undefined) this.#onRecord(message.record)
        this.#candidacy?.onSignature(frame.from, message)
        return
      case "fetch":
        this.#onFetch(frame.from, message)
        return
      case "fetched":
        this.#candidacy?.onFetched(frame.from, message)
        return
      case "makeReady":
        this.#onMakeReady(frame.from, message)
        return
      case "ready":
        this.#reign?.onReady(frame.from, message)
        return
      case "handOver":
        this.#onHandOver(frame.from, message)
        return
      case "released":
        if (this.#promise.root?.id === frame.from && this.#promise.root.epoch <= message.epoch)
          this.#lostRoot("its reign was given up")
        return
      default:
        this.#keeper.onMessage?.(this.#entryOf(frame.from), message)
        return
    }
  }

  /** The link to that peer has closed. If it is the root, it is dialled at once: only a refusal proves anything. */
  linkClosed(peer: VoterId): void {
    if (this.#root?.id === peer || this.#promise.root?.id === peer) this.#redial(peer)
  }

  /**
   * A link to that peer has been opened. Whoever does not reign says that it lives, by a frame that gives nothing up: our
   * former life may have been the peer's root, and no lease of an ended process has to be waited for.
   */
  linkOpened(peer: VoterId): void {
    if (this.#reign !== undefined) this.#reign.greet(peer)
    else if (this.#state.record !== undefined) this.#state.send(this.#entryOf(peer), { type: "released", epoch: 0 })
  }

  /** How a redial ended. */
  redialed(peer: VoterId, outcome: DialOutcome): void {
    const asked = this.#dialling.get(peer)
    this.#dialling.delete(peer)
    const promised = this.#promise.root
    if (outcome !== DialOutcome.Refused || promised?.id !== peer || asked === undefined) return
    // Refused was the life that we asked after; a later one may reign by now.
    if (promised.epoch !== asked.epoch || promised.incarnation !== asked.incarnation) return
    if (this.#entryOf(peer).direct !== true && this.#state.rules.directOnly) return
    this.#lostRoot("nothing listens at its direct address")
  }

  // ---- obeying a root ----

  #onRootSpeaks(frame: VoterFrame, message: Append | InstallSnapshot): void {
    const state = this.#state
    const { epoch, sentAt } = message
    const from = frame.from
    state.heardEpoch(epoch)
    this.#onRecord(message.record)
    const sender = this.#entryOf(from)
    if (epoch < state.signed.epoch && state.rules.epochFence) {
      this.#answer(sender, { epoch, sentAt, accepted: false, matched: undefined })
      return
    }
    if (this.#reign !== undefined) {
      if (epoch <= this.#reign.epoch && state.rules.epochFence) return
      this.#stepDown(`${epoch} is reigned by another`)
    }
    this.#candidacy?.stop()
    this.#candidacy = undefined
    if (state.signed.epoch < epoch) state.sign(epoch, from, () => {})
    const { incarnation } = frame
    const root: ObeyedRoot = { id: from, epoch, incarnation }
    if (this.#root?.id !== from || this.#root.epoch !== epoch) {
      this.#root = root
      this.#backed = undefined
      this.#failures = 0
      this.#drawStagger()
      state.emit({ type: "reign", epoch, root: from })
    }
    const now = state.now()
    this.#promise.renew(root, now)
    this.#silence.set(now + state.timing.heartbeatMs * state.timing.heartbeatMisses)
    this.#consider()

    let matched: number | undefined
    if (message.type === "installSnapshot") {
      state.install(message.snapshot)
      matched = message.snapshot.at.number
    } else if (state.log.has(message.previous)) {
      state.merge(message.previous, message.entries, epoch)
      matched = message.entries.at(-1)?.number ?? message.previous.number
      state.commit(Math.min(message.committed, matched))
    }
    // The promise is given at once, what is stored is told when it is.
    const obeyed = matched
    const answer = () => {
      if (state.signed.epoch > epoch && state.rules.epochFence) return
      this.#answer(sender, {
        epoch,
        sentAt,
        accepted: true,
        matched: obeyed === undefined ? undefined : Math.min(obeyed, state.stored),
      })
    }
    if (obeyed === undefined || state.stored >= obeyed || !state.rules.durableAppend) answer()
    else state.whenStored(answer)
  }

  #answer(to: VoterEntry, answer: Pick<Appended, "epoch" | "sentAt" | "accepted" | "matched">): void {
    const state = this.#state
    state.send(to, { type: "appended", ...answer, signed: state.signed.epoch, last: state.log.last.number })
  }

  #onAppended(from: VoterId, reply: Appended): void {
    if (this.#reign === undefined) this.#candidacy?.onAppended(from, reply)
    else this.#reign.onAppended(this.#entryOf(from), reply)
  }

  // ---- noticing that it is gone ----

  #onSilence(): void {
    if (this.#root !== undefined) this.#redial(this.#root.id)
  }

  #redial(peer: VoterId): void {
    const promised = this.#promise.root
    if (promised?.id !== peer) return
    this.#dialling.set(peer, promised)
    this.#state.redial(this.#entryOf(peer))
  }

  /** Another life of that peer speaks: the one before has no authority any more. */
  #peerRestarted(peer: VoterId, incarnation: number): void {
    this.#reign?.restarted(peer)
    const promised = this.#promise.root
    if (promised?.id === peer && promised.incarnation < incarnation) this.#lostRoot("its process has ended")
  }

  #lostRoot(why: string): void {
    const root = this.#promise.root
    if (root === undefined) return
    this.#promise.ended(root.id)
    if (this.#root?.id === root.id) this.#root = undefined
    this.#silence.off()
    this.#state.emit({ type: "suspected", root: root.id, epoch: root.epoch, why })
    this.#drawStagger()
    this.#consider()
  }

  // ---- signing for others ----

  /** Whether we could sign for that candidate now, whatever the epoch. */
  #isFreeFor(candidate: VoterId, released: number): boolean {
    const state = this.#state
    if (this.#candidacy?.hasMajority) return false
    const reign = this.#reign
    if (reign !== undefined && !reign.isGiven) return reign.mayBeReplaced || !state.rules.keptPromise
    if (!state.rules.keptPromise) return true
    const promised = this.#promise.root
    if (promised !== undefined && released >= promised.epoch) return true
    return !this.#promise.forbids(candidate, state.now())
  }

  #onWouldSign(from: VoterId, ask: WouldSign): void {
    const state = this.#state
    const backsAnother =
      this.#backed !== undefined && this.#backed.id !== from && state.now() - this.#backed.at < state.timing.patienceMs
    // Two that ask each other at once would both go on, and split the votes: the one that comes first in succession does.
    const isRival = this.#candidacy?.isAsking === true && this.#rankOf(this.id) < this.#rankOf(from)
    const granted = ask.epoch > state.signed.epoch && !backsAnother && !isRival && this.#isFreeFor(from, 0)
    // Whoever asked first is let ahead.
    if (granted && this.#candidacy === undefined) this.#election.set(state.now() + state.timing.patienceMs)
    state.send(this.#entryOf(from), {
      type: "wouldSignReply",
      epoch: ask.epoch,
      granted,
      signed: state.signed.epoch,
      record: this.#newerThan(ask.revision),
    })
  }

  #onSign(from: VoterId, ask: Sign): void {
    const state = this.#state
    const sender = this.#entryOf(from)
    const { signed } = state
    const last: LogPosition = { epoch: state.log.last.epoch, number: state.log.last.number }
    const reply = (granted: boolean) =>
      state.send(sender, {
        type: "signature",
        epoch: ask.epoch,
        granted,
        signed: state.signed.epoch,
        last,
        record: this.#newerThan(ask.revision),
      })
    const again = ask.epoch === signed.epoch && signed.candidate === from
    if (again) {
      // We order until we have told our successor that it reigns, or cannot any more.
      const reign = this.#reign
      if (reign !== undefined && !reign.isGiven) {
        if (!reign.mayBeReplaced) {
          reply(false)
          return
        }
        this.#stepDown(`signed ${ask.epoch} for another`)
      }
      this.#backed = { id: from, at: state.now() }
      this.#consider()
      state.whenStored(() => {
        if (state.signed.epoch === ask.epoch) reply(true)
      })
      return
    }
    if (ask.epoch <= signed.epoch || !this.#isFreeFor(from, ask.released)) {
      reply(false)
      return
    }
    if (this.#reign !== undefined) this.#stepDown(`signed ${ask.epoch} for another`)
    this.#candidacy?.stop()
    this.#candidacy = undefined
    this.#root = undefined
    this.#silence.off()
    this.#backed = { id: from, at: state.now() }
    const send = () => {
      if (state.signed.epoch === ask.epoch) reply(true)
    }
    state.sign(ask.epoch, from, state.rules.durableSignature ? send : () => {})
    if (!state.rules.durableSignature) send()
    this.#consider()
  }

  #onFetch(from: VoterId, ask: Fetch): void {
    const state = this.#state
    if (state.signed.epoch !== ask.epoch || state.signed.candidate !== from) return
    const { log, limits } = state
    const kept = log.positionOf(ask.after)
    const previous = kept ?? log.base
    state.send(this.#entryOf(from), {
      type: "fetched",
      epoch: ask.epoch,
      after: ask.after,
      snapshot: kept === undefined ? log.snapshot() : undefined,
      previous: { epoch: previous.epoch, number: previous.number },
      entries: log.from(previous.number + 1, limits.batchEntries, limits.batchBytes),
      last: { epoch: log.last.epoch, number: log.last.number },
    })
  }

  // ---- becoming root ----

  /** Sets when we shall stand ourselves, should nothing happen until then. */
  #consider(): void {
    const state = this.#state
    if (!this.#ready || this.#reign !== undefined || this.#candidacy !== undefined || !state.isVoter) {
      this.#election.off()
      return
    }
    let at = state.now()
    if (this.#promise.holds(at)) at = this.#promise.until
    if (this.#backed !== undefined) at = Math.max(at, this.#backed.at + state.timing.patienceMs)
    this.#election.set(at + this.#stagger)
  }

  #onElectionDue(): void {
    const state = this.#state
    if (!this.#ready || this.#reign !== undefined || this.#candidacy !== undefined || !state.isVoter) return
    if (this.#promise.holds(state.now())) {
      this.#consider()
      return
    }
    if (this.#root !== undefined) {
      state.emit({ type: "suspected", root: this.#root.id, epoch: this.#root.epoch, why: "silent for the whole lease" })
      this.#root = undefined
    }
    this.#stand({ atOnce: false })
  }

  #stand(options: {
    readonly atOnce: boolean
    readonly epoch?: number
    readonly released?: number
    readonly signature?: { readonly from: VoterId; readonly last: LogPosition }
    readonly leaving?: VoterId | undefined
    readonly handed?: Handed | undefined
  }): void {
    const { leaving, handed, ...rest } = options
    this.#candidacy = new Candidacy({
      ...rest,
      state: this.#state,
      ...(handed && { ahead: (epoch, opening) => this.#reignAhead(epoch, opening, handed, leaving) }),
      won: (record, opening) => {
        this.#candidacy = undefined
        if (this.#reign?.epoch === record.epoch) this.#reign.recorded(record)
        else this.#reignWith(record, opening, leaving)
      },
      failed: why => {
        this.#candidacy = undefined
        this.#stepDown(`the record could not be moved: ${why}`)
        this.#failures++
        this.#drawStagger()
        this.#consider()
      },
    })
    this.#election.off()
    this.#candidacy.begin()
  }

  #reignWith(record: RootRecord, opening: Opening | undefined, leaving: VoterId | undefined): void {
    const state = this.#state
    state.learn(record)
    // Signed higher for another while the record was being written: then it is theirs to move it on.
    if (state.signed.epoch !== record.epoch || state.signed.candidate !== state.id) {
      this.#consider()
      return
    }
    this.#beginReign({ epoch: record.epoch, record, opening: opening ?? new Opening(state, record.epoch), leaving })
  }

  /** R7: we reign while the record is still being moved. Only our predecessor could have changed it, and no other can be promoted. */
  #reignAhead(epoch: number, opening: Opening, handed: Handed, leaving: VoterId | undefined): void {
    this.#beginReign({ epoch, record: this.#state.record!, opening, handed, leaving })
  }

  #beginReign(options: Pick<ReignOptions, "epoch" | "record" | "opening" | "handed" | "leaving">): void {
    this.#root = undefined
    this.#backed = undefined
    this.#failures = 0
    this.#election.off()
    this.#silence.off()
    this.#reign = new Reign({
      ...options,
      state: this.#state,
      renew: above => {
        this.#stepDown(`a voter has signed ${above}; renewed above it`)
        this.#stand({ atOnce: true })
      },
      deposed: why => this.#stepDown(why),
      given: (to, epoch) => {
        const incarnation = this.#incarnations.get(to) ?? 0
        this.#promise.renew({ id: to, epoch, incarnation }, this.#state.now())
      },
    })
    this.#reign.begin()
  }

  #stepDown(why: string): void {
    const reign = this.#reign
    if (reign === undefined) return
    this.#reign = undefined
    // It may still be moving the record for this reign.
    this.#candidacy?.stop()
    this.#candidacy = undefined
    reign.end(why)
    this.#drawStagger()
    this.#consider()
  }

  /** R7: our root will hand over to us. We obey it until it does, so nothing of this is told to anybody else. */
  #onMakeReady(from: VoterId, { epoch }: MakeReady): void {
    const state = this.#state
    if (this.#root?.id !== from || this.#candidacy !== undefined || !state.isVoter || epoch <= state.signed.epoch)
      return
    state.prepareSignature(epoch, () => {
      if (this.#readied?.to !== from || this.#readied.epoch !== epoch)
        this.#readied = { to: from, epoch, at: state.now() }
      state.send(this.#entryOf(from), { type: "ready", epoch })
    })
    state.keeper.expectChange?.()
  }

  #onHandOver(from: VoterId, message: HandOver): void {
    const state = this.#state
    const promised = this.#promise.root
    if (promised?.id === from && promised.epoch <= message.released) this.#promise.ended(from)
    const busy = this.#reign !== undefined || this.#candidacy !== undefined
    if (busy || !state.isVoter || message.epoch <= state.signed.epoch) return
    this.#root = undefined
    this.#silence.off()
    const readied = this.#readied
    const isAgreed = message.revision === state.record?.revision && message.epoch === readied?.epoch
    this.#stand({
      atOnce: true,
      epoch: message.epoch,
      handed: isAgreed && from === readied?.to ? { by: from, after: readied.at } : undefined,
      released: message.released,
      signature: { from, last: message.last },
      leaving: message.leaving ? from : undefined,
    })
  }

  // ---- the record ----

  #readRecord(): void {
    const state = this.#state
    this.#keeper.read(outcome => {
      if (state.ended) return
      if (outcome.type === "read" && outcome.record !== undefined) {
        this.#onRecord(outcome.record)
        // Nobody holds a lease in so small a set, so nothing that we promised before can matter.
        if (!needsLease(outcome.record)) {
          this.#promise.waived()
          this.#consider()
        }
        return
      }
      state.clock.after(state.timing.roundMs * readAgainRounds, () => this.#readRecord())
    })
  }

  #onRecord(record: RootRecord): void {
    const state = this.#state
    if (state.generation !== undefined && record.generation !== state.generation) return
    if (!state.learn(record)) return
    const reign = this.#reign
    if (reign !== undefined && record.epoch > reign.epoch) this.#stepDown(`the record is at epoch ${record.epoch}`)
    this.#candidacy?.onRecord(record)
    this.#consider()
  }

  /** Who was taken out of the set while it could not hear it would ask for signatures, or for its record to be moved, for ever. */
  #tellStranger({ from, message }: VoterFrame): void {
    if (message.type !== "sign" && message.type !== "wouldSign") return
    const { signed } = this.#state
    const record = this.#newerThan(message.revision)
    if (record === undefined) return
    const reply = {
      type: "wouldSignReply",
      epoch: message.epoch,
      granted: false,
      signed: signed.epoch,
      record,
    } as const
    this.#state.send(this.#entryOf(from), reply)
  }

  /** Whoever belongs to no generation takes that of the root that speaks to it; all others refuse a foreign one. */
  #joins({ from, generation, message }: VoterFrame): boolean {
    const state = this.#state
    if (state.generation === undefined) {
      return message.type === "append" || message.type === "installSnapshot"
    }
    if (generation === undefined) return true
    state.counters.foreignFrames++
    if (!this.#foreign.has(from)) {
      this.#foreign.add(from)
      state.emit({ type: "generationRefused", from, generation })
    }
    return false
  }

  #newerThan(revision: number): RootRecord | undefined {
    const { record } = this.#state
    return record !== undefined && record.revision > revision ? record : undefined
  }

  #entryOf(id: VoterId): VoterEntry {
    return this.#state.record?.voters.find(voter => voter.voterId === id) ?? { voterId: id, addresses: [] }
  }

  #rankOf(id: VoterId): number {
    return this.#state.record?.voters.findIndex(voter => voter.voterId === id) ?? -1
  }

  /** By succession, so that votes do not split; after failures by chance, over an ever wider time. */
  #drawStagger(): void {
    const { record, timing, random, id } = this.#state
    const heirs = record?.voters.filter(voter => voter.voterId !== record.root.voterId) ?? []
    const rank = Math.max(
      0,
      heirs.findIndex(voter => voter.voterId === id),
    )
    const width = timing.staggerMs * 2 ** Math.min(this.#failures, 6)
    this.#stagger =
      this.#failures === 0
        ? timing.staggerMs * rank + (random.float() * timing.staggerMs) / 2
        : random.float() * width + timing.staggerMs / 2
  }
}

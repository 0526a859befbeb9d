/**
 * R2 to R5, the root's side: it opens its reign, keeps its lease, orders what origins propose, brings its log to the
 * voters and learns what a majority has stored. One object per reign.
 */
import type { Timer } from "../../core/clock.ts"
import { Lease } from "./lease.ts"
import type { Opening } from "./opening.ts"
import { EntryKind, type OrderedEntry, type Proposal } from "./ordered-entry.ts"
import { Progress } from "./progress.ts"
import {
  isMajority,
  isVoter,
  needsLease,
  type RootRecord,
  type VoterEntry,
  type VoterId,
  withoutVoter,
  withVoter,
  withVoterMoved,
} from "./root-record.ts"
import type { Appended, Ready } from "./voter-message.ts"
import type { VoterState } from "./voter-state.ts"

export type OrderOutcome =
  | { readonly type: "ordered"; readonly entry: OrderedEntry }
  /** It has its place already: entry `number`, or one before it. */
  | { readonly type: "duplicate"; readonly number: number }
  /** The origin's number `expected` is missing. */
  | { readonly type: "early"; readonly expected: number }
  /** No authority: not the root, lease over, or handing over. Or too much is waiting for a majority, or it is too large. */
  | { readonly type: "refused"; readonly code: "NoAuthority" | "Full" | "TooLarge" }

/** Our predecessor has promised its lease to us when it handed over: after that time of ours. */
export interface Handed {
  readonly by: VoterId
  readonly after: number
}

export interface ReignOptions {
  readonly state: VoterState
  readonly epoch: number
  /** Ours, or while it is being moved the one before. */
  readonly record: RootRecord
  readonly opening: Opening
  /** We act from the beginning: nothing that was ordered before is missing here, and nobody else can be promoted. */
  readonly handed?: Handed | undefined
  /** Whoever handed over to us wants to leave. */
  readonly leaving: VoterId | undefined
  /** Our reign has to go on under a higher epoch: a voter has signed `above` and can obey nothing lower. */
  readonly renew: (above: number) => void
  readonly deposed: (why: string) => void
  /** Our reign is that voter's from now on: it is promised what is promised to a root that speaks. */
  readonly given: (to: VoterId, epoch: number) => void
}

/** Voters that refuse our epoch for that many heartbeats are stuck, and only a higher epoch frees them. */
const refusalsMax = 2

/** A new voter, or a successor, has caught up when it lacks no more than that many entries. */
const catchUpEntries = 64

interface SetChange {
  readonly record: RootRecord
  readonly joining: VoterEntry | undefined
  phase: "catchingUp" | "recording" | "committing"
  /** The entry that must be committed by the new set. */
  number: number
}

interface HandOverPlan {
  readonly to: VoterEntry
  readonly leaving: boolean
  readonly done: (outcome: { readonly epoch: number } | undefined) => void
  /** By then the successor is ready, or we reign on. */
  readonly deadline: Timer
  /** When it began. */
  readonly since: number
  phase: "catchingUp" | "preparing" | "signing" | "given"
  epoch: number
  /** How often the successor is told once more. */
  reminders: number
}

export class Reign {
  readonly epoch: number
  readonly #o: ReignOptions
  readonly #state: VoterState
  readonly #lease: Lease
  readonly #progress = new Map<VoterId, Progress>()
  #record: RootRecord
  readonly #opening: OrderedEntry
  #opened = false
  #over = false
  #timer: Timer | undefined
  #flushing = false
  #change: SetChange | undefined
  #handOver: HandOverPlan | undefined
  #leaving: VoterId | undefined

  constructor(options: ReignOptions) {
    this.#o = options
    this.#state = options.state
    this.#record = options.record
    this.epoch = options.epoch
    this.#opening = options.opening.entry
    this.#leaving = options.leaving
    this.#lease = new Lease(options.state.timing.leaseMs, options.state.id)
    if (options.handed !== undefined) this.#lease.confirmed(options.handed.by, options.handed.after)
  }

  get record(): RootRecord {
    return this.#record
  }
  get opened(): boolean {
    return this.#opened
  }
  /** The record names us. Until then the set of voters stays what it is, and the reign is not given away. */
  get #isRecorded(): boolean {
    return this.#record.epoch === this.epoch
  }

  /** The record has been moved. */
  recorded(record: RootRecord): void {
    if (this.#over) return
    this.#state.learn(record)
    this.#record = record
    this.#manageVoters()
  }

  /** R4: whether we have authority now. Ask before each act; no timer does. */
  hasAuthority(): boolean {
    if (!this.#opened || this.#over || this.isGiven) return false
    return !this.#state.rules.leaseCheck || this.leaseHolds()
  }

  /** Whether the voters that answered us keep others from being promoted. */
  leaseHolds(): boolean {
    const now = this.#state.now()
    return this.#sets().every(record => !needsLease(record) || now < this.#lease.until(record))
  }

  /** Whether to sign for another takes nothing away: we have no authority yet, no more, or gave it up. */
  get mayBeReplaced(): boolean {
    return !this.#opened || this.isGiven || !this.leaseHolds()
  }

  /** R7: our successor has been told that the reign is its own. */
  get isGiven(): boolean {
    return this.#handOver?.phase === "given"
  }

  begin(): void {
    const state = this.#state
    state.counters.reigns++
    const { opening } = this.#o
    for (const { voterId } of state.others) {
      const progress = new Progress(this.#opening.number)
      if (opening.told.has(voterId)) progress.next++
      this.#progress.set(voterId, progress)
    }
    state.emit({ type: "inherited", epoch: this.epoch, at: this.#opening })
    this.#openIfReady()
    if (this.#over) return
    this.#beat()
    opening.onStored = () => this.#advance()
    this.#advance()
    for (const voter of state.others) {
      const answer = opening.answers.get(voter.voterId)
      if (answer !== undefined) this.onAppended(voter, answer)
    }
  }

  /** The reign is over; nothing is sent any more. */
  end(why: string): void {
    if (this.#over) return
    this.#over = true
    this.#timer?.cancel()
    this.#handOver?.deadline.cancel()
    if (this.#change !== undefined) this.#state.emit({ type: "votersKept", why })
    this.#state.emit({ type: "deposed", epoch: this.epoch, why })
  }

  // ---- ordering ----

  order(proposal: Proposal): OrderOutcome {
    if (!this.hasAuthority()) return { type: "refused", code: "NoAuthority" }
    const { log, limits, rules } = this.#state
    const verdict = log.table.judge(proposal)
    if (verdict.type === "duplicate" && rules.originNumbers) return verdict
    if (verdict.type === "early") return verdict
    if (proposal.payload.length > limits.entryBytes) return { type: "refused", code: "TooLarge" }
    const { committed, last } = log
    const pending = last.number - committed
    if (pending >= limits.pendingEntries || log.bytesBetween(committed, last.number) >= limits.pendingBytes)
      return { type: "refused", code: "Full" }
    return { type: "ordered", entry: this.#write(EntryKind.Message, proposal) }
  }

  #write(kind: EntryKind, proposal?: Proposal): OrderedEntry {
    const { log } = this.#state
    const entry: OrderedEntry = {
      epoch: this.epoch,
      number: log.last.number + 1,
      kind,
      stream: proposal?.stream ?? "",
      order: proposal === undefined ? 0 : log.table.orderOf(proposal.stream) + 1,
      origin: proposal?.origin ?? "",
      sequence: proposal?.sequence ?? 0,
      payload: proposal?.payload ?? nothing,
    }
    this.#state.append([entry], () => this.#advance())
    this.#flushSoon()
    return entry
  }

  // ---- bringing the log to the voters ----

  /** All that is written in one turn goes out together. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    this.#state.clock.soon(() => {
      this.#flushing = false
      if (!this.#over) for (const voter of this.#audience()) this.#bring(voter, false)
    })
  }

  #beat(): void {
    if (this.#over) return
    const { clock, timing } = this.#state
    this.#timer = clock.after(timing.heartbeatMs, () => this.#beat())
    if (this.#handOver !== undefined && this.isGiven) {
      this.#remind(this.#handOver)
      return
    }
    if (this.#handOver?.phase === "preparing") this.#makeReady(this.#handOver)
    for (const voter of this.#audience()) {
      const progress = this.#progressOf(voter)
      progress.beat()
      this.#bring(voter, true)
      const stuck = progress.refusals >= refusalsMax
      if (stuck && (!this.#opened || this.hasAuthority())) {
        this.#o.renew(progress.refusedFor)
        return
      }
    }
    this.#manageVoters()
  }

  /** Another life of that voter speaks. What the one before had is not counted: its folder may be an older one, put back by hand. */
  restarted(id: VoterId): void {
    if (this.#progress.has(id)) this.#progress.set(id, new Progress(this.#state.log.last.number + 1))
  }

  /** There is a new link to that voter: it hears of us at once. What was sent before may be lost. */
  greet(id: VoterId): void {
    if (this.#over || this.isGiven) return
    const voter = this.#audience().find(each => each.voterId === id)
    if (voter === undefined) return
    this.#progressOf(voter).beat()
    this.#bring(voter, true)
  }

  /** Who gets the log: the voters of every set that counts, and one that is to become a voter. */
  #audience(): VoterEntry[] {
    const voters = this.#record.voters.filter(voter => voter.voterId !== this.#state.id)
    const joining = this.#change?.joining
    if (joining !== undefined && !voters.some(voter => voter.voterId === joining.voterId)) voters.push(joining)
    return voters
  }

  #progressOf(voter: VoterEntry): Progress {
    let progress = this.#progress.get(voter.voterId)
    if (progress === undefined) {
      progress = new Progress(this.#state.log.last.number + 1)
      this.#progress.set(voter.voterId, progress)
    }
    return progress
  }

  /** Sends what the voter lacks, as far as the window allows; a heartbeat also when it lacks nothing. */
  #bring(voter: VoterEntry, heartbeat: boolean): void {
    const { log, limits } = this.#state
    const progress = this.#progressOf(voter)
    let spoken = false
    if (progress.probing && !heartbeat) return
    while ((progress.next <= log.last.number && this.#roomFor(progress)) || (heartbeat && !spoken)) {
      spoken = true
      const previous = log.positionOf(progress.next - 1)
      if (previous === undefined) {
        this.#state.counters.snapshotsSent++
        this.#state.send(voter, {
          type: "installSnapshot",
          epoch: this.epoch,
          sentAt: this.#state.now(),
          snapshot: log.snapshot(),
          record: this.#record,
        })
        progress.next = log.base.number + 1
        continue
      }
      const room = Math.max(0, limits.windowEntries - (progress.next - 1 - progress.base))
      const entries = log.from(progress.next, Math.min(limits.batchEntries, room), limits.batchBytes)
      this.#state.send(voter, {
        type: "append",
        epoch: this.epoch,
        sentAt: this.#state.now(),
        previous: { epoch: previous.epoch, number: previous.number },
        entries,
        committed: log.committed,
        record: this.#record,
      })
      progress.next += entries.length
      if (entries.length === 0 || progress.probing) break
    }
  }

  #roomFor({ next, base }: Progress): boolean {
    const { log, limits } = this.#state
    if (next - base > limits.windowEntries) return false
    return next === base + 1 || log.bytesBetween(base, next) <= limits.windowBytes
  }

  onAppended(from: VoterEntry, reply: Appended): void {
    if (this.#over) return
    this.#state.heardEpoch(reply.signed)
    if (reply.epoch !== this.epoch) return
    const progress = this.#progress.get(from.voterId)
    if (progress === undefined) return
    if (!reply.accepted) {
      progress.refusals++
      progress.refusedFor = reply.signed
      this.#state.counters.refusedAppends++
      return
    }
    this.#lease.confirmed(from.voterId, reply.sentAt)
    progress.accepted(this.#state.now(), reply.sentAt)
    if (reply.matched === undefined) {
      if (progress.mismatched(reply.last, reply.sentAt, this.#state.now())) this.#bring(from, true)
      return
    }
    const before = progress.matched
    progress.matchedTo(reply.matched)
    if (progress.matched > before) {
      this.#advance()
      if (progress.next <= this.#state.log.last.number) this.#bring(from, false)
    }
    this.#openIfReady()
    this.#manageVoters()
  }

  // ---- what is committed ----

  /** The sets of voters of each of which a majority must agree: one, or two while the set changes. */
  #sets(): RootRecord[] {
    return this.#change !== undefined && this.#change.phase === "recording"
      ? [this.#record, this.#change.record]
      : [this.#record]
  }

  #hasStored(id: VoterId, number: number): boolean {
    return id === this.#state.id ? this.#state.stored >= number : (this.#progress.get(id)?.matched ?? 0) >= number
  }

  /** Finds the highest number that a majority has stored. Only an entry of this reign proves those before it. */
  #advance(): void {
    if (this.#over) return
    const { log } = this.#state
    if (log.committed < log.last.number) this.#state.commit(this.#storedByMajority())
    this.#openIfReady()
    this.#manageVoters()
  }

  /** The highest such number of an entry of this reign; what is committed already where there is none above. */
  #storedByMajority(): number {
    const { log, stored } = this.#state
    let highest = log.committed
    const consider = (number: number) => {
      if (number <= highest || log.positionOf(number)?.epoch !== this.epoch) return
      if (this.#sets().every(record => isMajority(record.voters, id => this.#hasStored(id, number)))) highest = number
    }
    consider(stored)
    for (const progress of this.#progress.values()) consider(progress.matched)
    return highest
  }

  #openIfReady(): void {
    if (this.#opened || this.#over) return
    const isStored = this.#state.log.committed >= this.#opening.number
    if ((!isStored && this.#o.handed === undefined) || !this.leaseHolds()) return
    this.#opened = true
    this.#state.emit({ type: "opened", epoch: this.epoch, at: this.#opening, starts: this.#state.log.table.places() })
    // The voters learn of the opening's commitment at once, not with the next heartbeat.
    if (isStored) for (const voter of this.#audience()) this.#bring(voter, true)
  }

  // ---- R1: the set of voters changes by one at a time ----

  /** The record may be changed, or go to another: it is ours, and so is a majority's copy of the log. */
  get #isFree(): boolean {
    return this.hasAuthority() && this.#isRecorded && this.#state.log.committed >= this.#opening.number
  }

  addVoter(voter: VoterEntry): boolean {
    if (isVoter(this.#record, voter.voterId)) return false
    return this.#beginChange(withVoter(this.#record, voter), voter)
  }

  removeVoter(id: VoterId): boolean {
    if (!isVoter(this.#record, id) || id === this.#state.id || this.#record.voters.length < 2) return false
    return this.#beginChange(withoutVoter(this.#record, id), undefined)
  }

  /** The set stays what it is; only where that voter is dialled changes. */
  moveVoter(voter: VoterEntry): boolean {
    if (!isVoter(this.#record, voter.voterId)) return false
    return this.#beginChange(withVoterMoved(this.#record, voter), undefined)
  }

  #beginChange(record: RootRecord, joining: VoterEntry | undefined): boolean {
    if (!this.#isFree || this.#change !== undefined || this.#handOver !== undefined) return false
    this.#change = { record, joining, phase: "catchingUp", number: 0 }
    if (joining !== undefined) this.#bring(joining, true)
    this.#manageVoters()
    return true
  }

  #manageVoters(): void {
    this.#manageHandOver()
    const change = this.#change
    if (change === undefined) {
      const leaving = this.#leaving
      if (leaving === undefined || !this.#isFree || this.#handOver !== undefined) return
      this.#leaving = undefined
      this.removeVoter(leaving)
      return
    }
    const state = this.#state
    if (change.phase === "catchingUp") {
      if (!this.hasAuthority()) return
      const { joining } = change
      if (joining !== undefined) {
        const progress = this.#progressOf(joining)
        if (progress.matched === 0 || state.log.last.number - progress.matched > catchUpEntries) return
      }
      change.phase = "recording"
      this.#recordChange(change)
    } else if (change.phase === "committing" && state.log.committed >= change.number) {
      this.#change = undefined
      state.emit({ type: "votersChanged", record: this.#record })
    }
  }

  #recordChange(change: SetChange): void {
    const state = this.#state
    state.keeper.compareAndSet(this.#record.revision, change.record, outcome => {
      if (this.#over || this.#change !== change) return
      if (outcome.type === "set") return this.#changed(change)
      if (outcome.type === "conflict") return this.#look(change, outcome.record)
      this.#readChange(change)
    })
  }

  #readChange(change: SetChange): void {
    this.#state.clock.after(this.#state.timing.roundMs, () => {
      if (this.#over || this.#change !== change) return
      this.#state.keeper.read(outcome => {
        if (this.#over || this.#change !== change) return
        if (outcome.type === "unavailable") return this.#readChange(change)
        this.#look(change, outcome.record)
      })
    })
  }

  #look(change: SetChange, record: RootRecord | undefined): void {
    if (record === undefined) {
      this.#o.deposed("the root record is gone")
      return
    }
    if (record.epoch > this.epoch) {
      this.#state.learn(record)
      this.#o.deposed(`the record is at epoch ${record.epoch}`)
      return
    }
    if (record.revision === change.record.revision) {
      this.#changed(change)
      return
    }
    this.#recordChange(change)
  }

  /** From here on the new set counts alone; the entry is committed when a majority of it has everything before. */
  #changed(change: SetChange): void {
    this.#record = change.record
    this.#state.learn(change.record)
    change.phase = "committing"
    change.number = this.#write(EntryKind.Voters).number
    for (const id of this.#progress.keys()) if (!isVoter(change.record, id)) this.#progress.delete(id)
  }

  // ---- R7: planned hand-over ----

  /** Gives the reign to that voter, or to the one that is furthest. `done` with the epoch it will reign under. */
  handOver(
    to: VoterId | undefined,
    leaving: boolean,
    done: (outcome: { readonly epoch: number } | undefined) => void,
  ): boolean {
    if (!this.#isFree || this.#change !== undefined || this.#handOver !== undefined) return false
    const successor = to === undefined ? this.heirs[0] : this.#record.voters.find(voter => voter.voterId === to)
    if (successor === undefined || successor.voterId === this.#state.id) return false
    const { clock, timing } = this.#state
    // A successor that does not answer costs a second, then we reign on.
    const deadline = clock.after(timing.candidacyMs, () => {
      const phase = this.#handOver?.phase
      if (phase !== "catchingUp" && phase !== "preparing") return
      this.#handOver = undefined
      done(undefined)
    })
    const since = this.#state.now()
    this.#handOver = {
      to: successor,
      leaving,
      done,
      deadline,
      since,
      phase: "catchingUp",
      epoch: 0,
      reminders: 4,
    }
    this.#bring(successor, true)
    this.#manageHandOver()
    return true
  }

  /** Tells all that promises to us are void. The reign has to end in the same turn. */
  release(): void {
    for (const voter of this.#audience()) this.#state.send(voter, { type: "released", epoch: this.epoch })
  }

  /** The voters that answer, the one whose log reaches furthest first. */
  get heirs(): VoterEntry[] {
    const since = this.#state.now() - this.#state.timing.heartbeatMs * this.#state.timing.heartbeatMisses
    const matched = ({ voterId }: VoterEntry) => this.#progress.get(voterId)!.matched
    return this.#record.voters
      .filter(
        ({ voterId }) =>
          voterId !== this.#state.id && (this.#progress.get(voterId)?.heardAt ?? Number.NEGATIVE_INFINITY) >= since,
      )
      .sort((a, b) => matched(b) - matched(a))
  }

  /**
   * When the successor answers, and has nearly everything, it makes ready. Then we sign for it, and once that is stored it
   * gets the rest, and the reign; from then on we have no authority and say so to all. Until then we order: a signature
   * counts when it is told, with how far the log reaches at that moment.
   */
  #manageHandOver(): void {
    const plan = this.#handOver
    const state = this.#state
    if (plan === undefined || plan.phase !== "catchingUp") return
    const progress = this.#progress.get(plan.to.voterId)
    if (progress === undefined || progress.acceptedFrom < plan.since) return
    if (progress.matched < state.log.last.number - catchUpEntries) return
    plan.phase = "preparing"
    plan.epoch = Math.max(state.highestEpoch, this.epoch) + 1
    this.#makeReady(plan)
  }

  #makeReady({ to, epoch }: HandOverPlan): void {
    this.#state.send(to, { type: "makeReady", epoch })
  }

  onReady(from: VoterId, { epoch }: Ready): void {
    const plan = this.#handOver
    if (plan?.phase !== "preparing" || plan.to.voterId !== from || plan.epoch !== epoch) return
    plan.phase = "signing"
    plan.deadline.cancel()
    this.#state.sign(epoch, from, () => {
      if (this.#over) return
      plan.phase = "given"
      this.#o.given(plan.to.voterId, epoch)
      this.#bring(plan.to, false)
      this.#remind(plan)
      plan.done({ epoch })
    })
  }

  /** Said again with each heartbeat until the successor reigns; if it never does, the others are free to choose. */
  #remind(plan: HandOverPlan): void {
    const state = this.#state
    if (plan.reminders-- === 0) {
      this.#o.deposed("handed over, and nobody reigns yet")
      return
    }
    state.send(plan.to, {
      type: "handOver",
      released: this.epoch,
      epoch: plan.epoch,
      last: state.log.last,
      leaving: plan.leaving,
      revision: this.#record.revision,
    })
    for (const voter of this.#audience()) state.send(voter, { type: "released", epoch: this.epoch })
  }
}

const nothing = new Uint8Array(0)

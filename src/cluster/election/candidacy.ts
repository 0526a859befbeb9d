/**
 * R2, one attempt to become root: ask whether a majority would sign (binds nobody), collect their signatures, fetch the
 * log of the most advanced signer, and move the record to our epoch. Ends won, or failed; then another may be begun.
 */
import type { Timer } from "../../core/clock.ts"
import { Opening } from "./opening.ts"
import { comparePositions, type LogPosition } from "./ordered-entry.ts"
import { isMajority, isVoter, type RootRecord, underRoot, type VoterEntry, type VoterId } from "./root-record.ts"
import type { Appended, Fetched, Sign, Signature, WouldSignReply } from "./voter-message.ts"
import type { VoterState } from "./voter-state.ts"

export interface CandidacyOptions {
  readonly state: VoterState
  /** Skip the question whether a majority would sign: the root itself asked us, or we are it. */
  readonly atOnce: boolean
  /** The epoch that the root has signed for us, in a hand-over; else the next one is taken. */
  readonly epoch?: number
  /** The reign that was given up for us; 0 for none. */
  readonly released?: number
  /** The root's signature, in a hand-over. */
  readonly signature?: { readonly from: VoterId; readonly last: LogPosition }
  /** In a hand-over: a majority has signed, our opening is in the log and on its way, and the record is being moved. */
  readonly ahead?: ((epoch: number, opening: Opening) => void) | undefined
  /** The record is ours now, and our opening is in the log. */
  readonly won: (record: RootRecord, opening: Opening) => void
  readonly failed: (why: string) => void
}

const Phase = {
  Asking: "asking",
  Signing: "signing",
  Fetching: "fetching",
  Recording: "recording",
  Over: "over",
} as const
type Phase = (typeof Phase)[keyof typeof Phase]

interface Signer {
  readonly id: VoterId
  readonly last: LogPosition
}

export class Candidacy {
  readonly #o: CandidacyOptions
  readonly #state: VoterState
  #phase: Phase = Phase.Asking
  #epoch: number
  #record: RootRecord
  readonly #wouldSign = new Set<VoterId>()
  readonly #signers = new Map<VoterId, Signer>()
  /** Those whose log could not be had: their signature is of no use. */
  readonly #mute = new Set<VoterId>()
  /** Those who have signed our epoch for another. */
  readonly #lostTo = new Set<VoterId>()
  #source: Signer | undefined
  #fetchesLeft = 0
  #opening: Opening | undefined
  #round: Timer | undefined
  #deadline: Timer | undefined

  constructor(options: CandidacyOptions) {
    this.#o = options
    this.#state = options.state
    this.#record = options.state.record!
    this.#epoch = options.epoch ?? options.state.highestEpoch + 1
  }

  get epoch(): number {
    return this.#epoch
  }
  /** A majority has signed: to back another now would only delay both. */
  get hasMajority(): boolean {
    return this.#phase === Phase.Fetching || this.#phase === Phase.Recording
  }
  get isAsking(): boolean {
    return this.#phase === Phase.Asking
  }
  get isSigning(): boolean {
    return this.#phase !== Phase.Asking && this.#phase !== Phase.Over
  }

  begin(): void {
    const { clock, timing, rules, random } = this.#state
    this.#state.counters.candidacies++
    this.#deadline = clock.after(timing.candidacyMs * (1 + random.float() / 2), () => this.#expire())
    if (this.#o.atOnce || !rules.preVote) {
      this.#beginSigning()
      return
    }
    this.#wouldSign.add(this.#state.id)
    if (this.#majority(id => this.#wouldSign.has(id))) {
      this.#beginSigning()
      return
    }
    this.#ask()
  }

  /** It ends without a result; no callback. */
  stop(): void {
    this.#phase = Phase.Over
    this.#round?.cancel()
    this.#deadline?.cancel()
  }

  // ---- would you? ----

  #ask(): void {
    for (const voter of this.#otherVoters())
      this.#state.send(voter, { type: "wouldSign", epoch: this.#epoch, revision: this.#record.revision })
    this.#again(() => this.#ask())
  }

  onWouldSignReply(from: VoterId, reply: WouldSignReply): void {
    this.#state.heardEpoch(reply.signed)
    if (reply.record !== undefined) this.#learn(reply.record)
    if (this.#phase !== Phase.Asking || !reply.granted) return
    this.#wouldSign.add(from)
    if (this.#majority(id => this.#wouldSign.has(id))) this.#beginSigning()
  }

  // ---- signatures ----

  #beginSigning(): void {
    const state = this.#state
    this.#phase = Phase.Signing
    if (this.#o.epoch === undefined) this.#epoch = state.highestEpoch + 1
    if (this.#epoch < state.signed.epoch) {
      this.#fail("a higher epoch was signed meanwhile")
      return
    }
    state.emit({ type: "candidate", epoch: this.#epoch })
    state.keeper.expectChange?.()
    const { signature } = this.#o
    if (signature !== undefined) this.#signers.set(signature.from, { id: signature.from, last: signature.last })
    // Ours counts when it is stored, and nothing is recorded without it: a later life must not try this epoch again.
    const { last } = state.log
    state.sign(this.#epoch, state.id, () => {
      if (this.#phase === Phase.Over) return
      this.#signers.set(state.id, { id: state.id, last })
      this.#count()
    })
    this.#askToSign()
  }

  #askToSign(): void {
    const ask: Sign = {
      type: "sign",
      epoch: this.#epoch,
      revision: this.#record.revision,
      released: this.#o.released ?? 0,
    }
    for (const voter of this.#otherVoters()) this.#state.send(voter, ask)
    // Repeated also once a majority has signed: it tells the signers that we go on.
    this.#again(() => this.#askToSign())
  }

  onSignature(from: VoterId, reply: Signature): void {
    this.#state.heardEpoch(reply.signed)
    if (reply.record !== undefined) this.#learn(reply.record)
    if (reply.epoch !== this.#epoch || !this.isSigning) return
    if (!reply.granted) {
      if (this.hasMajority) return
      if (reply.signed > this.#epoch) {
        this.#fail(`${reply.signed} was signed already`)
        return
      }
      // It has signed this epoch for another, and will not for us. When too few are left, a higher one is tried at once.
      if (reply.signed === this.#epoch) this.#lostTo.add(from)
      if (!this.#majority(id => !this.#lostTo.has(id))) this.#fail("the votes are split")
      return
    }
    this.#signers.set(from, { id: from, last: reply.last })
    this.#count()
  }

  #count(): void {
    if (this.#phase !== Phase.Signing || !this.#hasSignatures()) return
    let source = this.#signers.get(this.#state.id)!
    if (this.#state.rules.fetchMostAdvanced) {
      for (const signer of this.#signers.values())
        if (!this.#mute.has(signer.id) && comparePositions(signer.last, source.last) > 0) source = signer
    }
    if (comparePositions(source.last, this.#state.log.last) <= 0) {
      this.#writeRecord()
      return
    }
    this.#phase = Phase.Fetching
    this.#source = source
    this.#fetchesLeft = 5
    this.#fetch()
  }

  #hasSignatures(): boolean {
    return this.#signers.has(this.#state.id) && this.#majority(id => this.#signers.has(id) && !this.#mute.has(id))
  }

  // ---- the most advanced log ----

  #fetch(): void {
    const source = this.#record.voters.find(voter => voter.voterId === this.#source!.id)
    if (source === undefined || this.#fetchesLeft-- === 0) {
      this.#withoutSource()
      return
    }
    this.#state.counters.fetches++
    this.#state.send(source, { type: "fetch", epoch: this.#epoch, after: this.#fetchedTo })
    const fetchesLeft = this.#fetchesLeft
    this.#state.clock.after(this.#state.timing.roundMs, () => {
      if (this.#phase === Phase.Fetching && this.#fetchesLeft === fetchesLeft) this.#fetch()
    })
  }

  /** Our copy is the source's up to here. */
  #common = 0
  get #fetchedTo(): number {
    return Math.max(this.#common, this.#state.log.committed)
  }

  onFetched(from: VoterId, part: Fetched): void {
    if (this.#phase !== Phase.Fetching || part.epoch !== this.#epoch || from !== this.#source?.id) return
    if (part.after !== this.#fetchedTo) return
    const state = this.#state
    if (part.snapshot !== undefined) state.install(part.snapshot)
    if (!state.log.has(part.previous)) return
    state.merge(part.previous, part.entries, this.#epoch)
    this.#common = part.entries.at(-1)?.number ?? part.previous.number
    if (comparePositions(state.log.last, part.last) >= 0) {
      this.#writeRecord()
      return
    }
    this.#fetchesLeft = 5
    this.#fetch()
  }

  /** The source is gone, and its signature with it, unless there is a majority without it. */
  #withoutSource(): void {
    this.#mute.add(this.#source!.id)
    this.#source = undefined
    this.#common = 0
    this.#phase = Phase.Signing
    this.#count()
  }

  // ---- the record ----

  #writeRecord(): void {
    const state = this.#state
    // Signers may have told of a later set meanwhile, from which we were taken out.
    if (!isVoter(this.#record, state.id)) {
      this.#fail("we are no voter any more")
      return
    }
    this.#phase = Phase.Recording
    const expected = this.#record
    const next = underRoot(expected, this.#epoch, state.self)
    state.keeper.compareAndSet(expected.revision, next, outcome => {
      if (this.#phase !== Phase.Recording) return
      if (outcome.type === "set") return this.#win(next)
      if (outcome.type === "conflict") return this.#look(outcome.record)
      this.#readRecord()
    })
    if (this.#opening !== undefined) return
    this.#opening = new Opening(state, this.#epoch)
    this.#opening.bring(expected)
    this.#o.ahead?.(this.#epoch, this.#opening)
  }

  /** An answer to our opening: the reign will want it. */
  onAppended(from: VoterId, reply: Appended): void {
    if (reply.epoch === this.#opening?.epoch) this.#opening.answers.set(from, reply)
  }

  /** Whether it was written we do not know. */
  #readRecord(): void {
    this.#state.clock.after(this.#state.timing.roundMs, () => {
      if (this.#phase !== Phase.Recording) return
      this.#state.keeper.read(outcome => {
        if (this.#phase !== Phase.Recording) return
        if (outcome.type === "unavailable") return this.#readRecord()
        this.#look(outcome.record)
      })
    })
  }

  /** What is there now decides how it goes on. */
  #look(record: RootRecord | undefined): void {
    if (record === undefined) {
      this.#fail("the root record is gone")
      return
    }
    if (record.generation !== this.#record.generation) {
      this.#fail("another generation holds the record")
      return
    }
    this.#state.heardEpoch(record.epoch)
    if (record.epoch === this.#epoch && record.root.voterId === this.#state.id) {
      this.#win(record)
      return
    }
    this.#learn(record)
    if (record.epoch >= this.#epoch) {
      this.#fail(`the record is at epoch ${record.epoch}`)
      return
    }
    if (!isVoter(record, this.#state.id)) {
      this.#fail("we are no voter any more")
      return
    }
    // The set has changed: the same signatures, counted anew.
    if (this.#hasSignatures()) {
      this.#writeRecord()
      return
    }
    this.#phase = Phase.Signing
  }

  #win(record: RootRecord): void {
    this.stop()
    this.#o.won(record, this.#opening!)
  }

  /** That record holds, or held: what we stand for may be in vain. */
  onRecord(record: RootRecord): void {
    if (this.#phase === Phase.Over) return
    if (!isVoter(record, this.#state.id)) this.#fail("we are no voter any more")
  }

  // ---- common ----

  #learn(record: RootRecord): void {
    this.#state.learn(record)
    if (record.revision > this.#record.revision && record.generation === this.#record.generation) this.#record = record
  }

  #majority(holds: (id: VoterId) => boolean): boolean {
    return isMajority(this.#record.voters, holds)
  }

  #otherVoters(): VoterEntry[] {
    return this.#record.voters.filter(voter => voter.voterId !== this.#state.id)
  }

  #again(action: () => void): void {
    const { clock, timing } = this.#state
    this.#round?.cancel()
    this.#round = clock.after(timing.roundMs, () => {
      if (this.#phase !== Phase.Over) action()
    })
  }

  /** While the record's keeper is silent we keep our majority: another could do no better. */
  #expire(): void {
    if (this.#phase === Phase.Recording || this.#phase === Phase.Over) return
    this.#fail(`no majority within ${this.#state.timing.candidacyMs} ms (${this.#phase})`)
  }

  #fail(why: string): void {
    const { epoch } = this
    this.stop()
    this.#state.emit({ type: "failed", epoch, why })
    this.#o.failed(why)
  }
}

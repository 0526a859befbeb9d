/**
 * The embedded coordinator: the voters themselves keep the root record. A register with compare-and-set by ballots
 * (single-decree Paxos, run anew for each change): a change first has a majority promise its ballot and tell what it has
 * accepted, then has the new record accepted by a majority of the old voters and one of the new.
 */
import { sameRecord } from "../../coordination/record-change.ts"
import type { Timer } from "../../core/clock.ts"
import { jumpMax } from "./plausible.ts"
import type { ReadOutcome, RecordKeeper, SetOutcome } from "./record-keeper.ts"
import { isMajority, type RootRecord, type VoterEntry, type VoterId } from "./root-record.ts"
import { type Ballot, compareBallots, type VoteMemory, type VoteStorage } from "./vote-storage.ts"
import type { RecordAccept, RecordAccepted, RecordMessage, RecordPrepare, RecordPromise } from "./voter-message.ts"
import type { VoterState } from "./voter-state.ts"

export interface EmbeddedKeeperOptions {
  readonly state: VoterState
  readonly storage: VoteStorage
  readonly memory: VoteMemory
  /** Without a majority an operation ends after that many milliseconds. Default 2000. */
  readonly patienceMs?: number
}

interface Operation {
  readonly type: "read" | "set"
  readonly revision: number
  readonly record: RootRecord | undefined
  readonly done: (outcome: ReadOutcome & SetOutcome) => void
  readonly until: number
  /** How often it was tried: each try waits longer, for the voters may be far or slow. */
  tries: number
  /** The record has been sent to be accepted, so that another voter may have it accepted for us. */
  isOut: boolean
}

interface Attempt {
  readonly ballot: Ballot
  /** Prepared: a majority has promised, and nobody has asked for anything yet. */
  phase: "preparing" | "prepared" | "accepting"
  /** What the promises told to be the record. */
  current: RootRecord | undefined
  readonly promises: Map<VoterId, RecordPromise["accepted"]>
  readonly accepts: Set<VoterId>
  /** What is to be accepted, by majorities of these sets. */
  value: RootRecord | undefined
  sets: readonly (readonly VoterEntry[])[]
  /** What to answer then. */
  outcome: (ReadOutcome | SetOutcome) | undefined
}

/** Between two attempts, at most, while others try too. */
const backOffMs = 30

export class EmbeddedKeeper implements RecordKeeper {
  readonly #state: VoterState
  readonly #storage: VoteStorage
  readonly #patienceMs: number
  #promised: Ballot | undefined
  #accepted: VoteMemory["accepted"]
  readonly #queue: Operation[] = []
  #attempt: Attempt | undefined
  #timer: Timer | undefined
  #counter = 0
  #listener: ((record: RootRecord) => void) | undefined

  constructor(options: EmbeddedKeeperOptions) {
    this.#state = options.state
    this.#storage = options.storage
    this.#patienceMs = options.patienceMs ?? 2000
    this.#promised = options.memory.promised
    this.#accepted = options.memory.accepted
    this.#counter = this.#promised?.counter ?? 0
  }

  read(done: (outcome: ReadOutcome) => void): void {
    this.#enqueue({ type: "read", revision: 0, record: undefined, done: done as Operation["done"] })
  }

  compareAndSet(revision: number, record: RootRecord, done: (outcome: SetOutcome) => void): void {
    this.#enqueue({ type: "set", revision, record, done: done as Operation["done"] })
  }

  /** Has the ballot promised before the change is known that needs it. If another's comes between, the change tries anew. */
  expectChange(): void {
    const known = this.#state.record
    if (this.#queue.length > 0 || this.#attempt !== undefined || known === undefined) return
    this.#attempt = this.#newAttempt(known)
    this.#prepare(this.#attempt, known.voters)
  }

  watch(listener: (record: RootRecord) => void): void {
    this.#listener = listener
  }

  onMessage(from: VoterEntry, message: RecordMessage): void {
    switch (message.type) {
      case "recordPrepare":
        this.#onPrepare(message, reply => this.#state.send(from, reply))
        return
      case "recordPromise":
        this.#onPromise(from.voterId, message)
        return
      case "recordAccept":
        this.#onAccept(message, reply => this.#state.send(from, reply))
        return
      case "recordAccepted":
        this.#onAccepted(from.voterId, message)
        return
    }
  }

  // ---- keeping ----

  #onPrepare({ ballot }: RecordPrepare, reply: (message: RecordPromise) => void): void {
    if (!this.#heard(ballot)) return
    if (this.#promised !== undefined && compareBallots(ballot, this.#promised) < 0) {
      reply({ type: "recordPromise", ballot, promised: this.#promised, accepted: undefined })
      return
    }
    this.#promised = ballot
    const accepted = this.#accepted
    this.#write({ type: "promised", ballot }, () =>
      reply({ type: "recordPromise", ballot, promised: ballot, accepted }),
    )
  }

  #onAccept({ ballot, record }: RecordAccept, reply: (message: RecordAccepted) => void): void {
    if (!this.#heard(ballot)) return
    if (this.#promised !== undefined && compareBallots(ballot, this.#promised) < 0) {
      reply({ type: "recordAccepted", ballot, promised: this.#promised })
      return
    }
    this.#promised = ballot
    this.#accepted = { ballot, record }
    this.#write({ type: "accepted", ballot, record }, () => reply({ type: "recordAccepted", ballot, promised: ballot }))
  }

  // ---- asking ----

  #enqueue(operation: Omit<Operation, "until" | "tries" | "isOut">): void {
    const { clock } = this.#state
    this.#queue.push({ ...operation, until: clock.now() + this.#patienceMs, tries: 0, isOut: false })
    if (this.#queue.length > 1) return
    // What is to be stored for it goes to the disk with what its asker stores in this turn.
    if (this.#attempt?.phase === "prepared") this.#try()
    else clock.soon(() => this.#try())
  }

  #try(): void {
    const operation = this.#queue[0]
    if (operation === undefined || this.#state.ended) return
    if (this.#state.now() >= operation.until) {
      this.#finish(operation, undefined)
      return
    }
    const known = this.#state.record
    if (known === undefined) {
      this.#withoutRecord(operation)
      return
    }
    operation.tries++
    const expected = this.#attempt
    if (expected !== undefined) {
      this.#patience(expected, operation)
      if (expected.phase === "prepared") this.#decide(expected, expected.current!)
      return
    }
    const attempt = this.#newAttempt(known)
    this.#attempt = attempt
    this.#prepare(attempt, known.voters)
    this.#patience(attempt, operation)
  }

  #newAttempt(known: RootRecord): Attempt {
    return {
      ballot: { counter: ++this.#counter, voter: this.#state.id },
      phase: "preparing",
      current: undefined,
      promises: new Map(),
      accepts: new Set(),
      value: undefined,
      sets: [known.voters],
      outcome: undefined,
    }
  }

  /** For one round of the attempt. */
  #patience(attempt: Attempt, { tries }: Operation): void {
    const { clock, timing } = this.#state
    this.#timer?.cancel()
    this.#timer = clock.after(timing.roundMs * 2 ** Math.min(tries - 1, 4), () => this.#retry(attempt))
  }

  /** Nobody is known who could keep one: only a founder may set the first, by itself. */
  #withoutRecord(operation: Operation): void {
    const { record } = operation
    if (operation.type === "read") {
      this.#finish(operation, { type: "read", record: undefined })
      return
    }
    if (operation.revision !== 0 || this.#accepted !== undefined) {
      this.#finish(operation, undefined)
      return
    }
    this.#onAccept(
      { type: "recordAccept", ballot: { counter: ++this.#counter, voter: this.#state.id }, record: record! },
      () => this.#finish(operation, { type: "set" }),
    )
  }

  #prepare(attempt: Attempt, voters: readonly VoterEntry[]): void {
    const prepare: RecordPrepare = { type: "recordPrepare", ballot: attempt.ballot }
    for (const voter of voters) {
      if (attempt.promises.has(voter.voterId)) continue
      if (voter.voterId === this.#state.id) this.#onPrepare(prepare, reply => this.#onPromise(voter.voterId, reply))
      else this.#state.send(voter, prepare)
    }
  }

  #onPromise(from: VoterId, reply: RecordPromise): void {
    const attempt = this.#attempt
    if (attempt?.phase !== "preparing" || !wasAsked(attempt, from, reply.ballot) || !this.#heard(reply.promised)) return
    if (compareBallots(reply.promised, attempt.ballot) !== 0) {
      this.#retry(attempt)
      return
    }
    attempt.promises.set(from, reply.accepted)
    if (!attempt.sets.every(voters => isMajority(voters, id => attempt.promises.has(id)))) return
    let highest: RecordPromise["accepted"]
    for (const accepted of attempt.promises.values())
      if (accepted !== undefined && (highest === undefined || compareBallots(accepted.ballot, highest.ballot) > 0))
        highest = accepted
    // A majority that has accepted nothing is none of the record's.
    if (highest === undefined) {
      this.#retry(attempt)
      return
    }
    const { record } = highest
    const covered = isMajority(record.voters, id => attempt.promises.has(id))
    if (!covered) {
      // The set has changed since we heard of it: a majority of the later one has to promise too.
      attempt.sets = [attempt.sets[0]!, record.voters]
      this.#prepare(attempt, record.voters)
      return
    }
    this.#decide(attempt, record)
  }

  #decide(attempt: Attempt, current: RootRecord): void {
    const operation = this.#queue[0]
    if (operation === undefined) {
      attempt.phase = "prepared"
      attempt.current = current
      return
    }
    attempt.phase = "accepting"
    this.#patience(attempt, operation)
    const wanted = operation.record
    if (operation.type === "set" && current.revision === operation.revision && wanted !== undefined) {
      attempt.value = wanted
      attempt.outcome = { type: "set" }
      operation.isOut = true
    } else {
      // What is there may be held by a minority only: it is made to hold before it is told.
      attempt.value = current
      attempt.outcome = operation.type === "read" ? { type: "read", record: current } : missed(operation, current)
    }
    attempt.sets = [...attempt.sets, current.voters, attempt.value.voters]
    const accept: RecordAccept = { type: "recordAccept", ballot: attempt.ballot, record: attempt.value }
    const asked = new Set<VoterId>()
    for (const voter of attempt.sets.flat()) {
      if (asked.has(voter.voterId)) continue
      asked.add(voter.voterId)
      if (voter.voterId === this.#state.id) this.#onAccept(accept, reply => this.#onAccepted(voter.voterId, reply))
      else this.#state.send(voter, accept)
    }
  }

  #onAccepted(from: VoterId, reply: RecordAccepted): void {
    const attempt = this.#attempt
    if (attempt?.phase !== "accepting" || !wasAsked(attempt, from, reply.ballot) || !this.#heard(reply.promised)) return
    if (compareBallots(reply.promised, attempt.ballot) !== 0) {
      this.#retry(attempt)
      return
    }
    attempt.accepts.add(from)
    if (!attempt.sets.every(voters => isMajority(voters, id => attempt.accepts.has(id)))) return
    this.#listener?.(attempt.value!)
    this.#finish(this.#queue[0]!, attempt.outcome)
  }

  #retry(attempt: Attempt): void {
    if (this.#attempt !== attempt) return
    this.#attempt = undefined
    const { clock, random } = this.#state
    this.#timer?.cancel()
    this.#timer = clock.after(random.float() * backOffMs, () => this.#try())
  }

  #finish(operation: Operation, outcome: ReadOutcome | SetOutcome | undefined): void {
    if (this.#queue[0] !== operation) return
    this.#queue.shift()
    this.#attempt = undefined
    this.#timer?.cancel()
    const failure: ReadOutcome | SetOutcome = operation.type === "read" ? { type: "unavailable" } : { type: "unknown" }
    operation.done((outcome ?? failure) as ReadOutcome & SetOutcome)
    if (this.#queue.length > 0) this.#state.clock.soon(() => this.#try())
  }

  /** False for a ballot that no voter can have come to. */
  #heard({ counter }: Ballot): boolean {
    if (counter > this.#counter + jumpMax) return false
    if (counter > this.#counter) this.#counter = counter
    return true
  }

  #write(change: Parameters<VoteStorage["write"]>[0], done: () => void): void {
    this.#storage.write(change, () => {
      if (!this.#state.ended) done()
    })
  }
}

function wasAsked({ ballot, sets }: Attempt, voter: VoterId, asked: Ballot): boolean {
  return compareBallots(ballot, asked) === 0 && sets.some(voters => voters.some(({ voterId }) => voterId === voter))
}

/** What it means that another revision is there than the one that was to be changed. */
function missed({ isOut, revision, record }: Operation, current: RootRecord): SetOutcome {
  const conflict: SetOutcome = { type: "conflict", record: current }
  if (!isOut || current.revision < revision + 1) return conflict
  // An earlier try was cut short, and whoever cut it may have found our record half accepted and made it whole.
  if (current.revision > revision + 1) return { type: "unknown" }
  return record !== undefined && sameRecord(record, current) ? { type: "set" } : conflict
}

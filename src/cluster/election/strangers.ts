/**
 * R1, who is heard: whom the record names, and while no record is known, anybody. Others may answer what they were asked,
 * as one does that is on its way to become a voter. Who claims a newer record than ours may be a voter since; that is no
 * proof, so the record is read where it is kept. When none of those who should keep it answers for long, the claim is
 * believed: the set may have been changed one by one while we were away.
 */
import type { ReadOutcome } from "./record-keeper.ts"
import { isVoter } from "./root-record.ts"
import type { VoterFrame, VoterMessage } from "./voter-message.ts"
import type { VoterState } from "./voter-state.ts"

/** Between two looks at the record because of strangers, in milliseconds. */
const lookMs = 1000
/** Looks in vain, one after the other, until a claim is believed. */
const vainMax = 3

const answers: ReadonlySet<VoterMessage["type"]> = new Set(["appended", "recordPromise", "recordAccepted"])

export class Strangers {
  readonly #state: VoterState
  readonly #read: (done: (outcome: ReadOutcome) => void) => void
  #reading = false
  #notBefore = Number.NEGATIVE_INFINITY
  #inVain = 0

  constructor(state: VoterState, read: (done: (outcome: ReadOutcome) => void) => void) {
    this.#state = state
    this.#read = read
  }

  hears({ from, message }: VoterFrame): boolean {
    const { record } = this.#state
    if (record === undefined) return true
    if (isVoter(record, from)) {
      this.#inVain = 0
      return true
    }
    if (answers.has(message.type)) return true
    if ((claimOf(message) ?? 0) > record.revision) {
      if (this.#inVain >= vainMax) return true
      this.#look()
    }
    return false
  }

  #look(): void {
    const now = this.#state.now()
    if (this.#reading || now < this.#notBefore) return
    this.#reading = true
    this.#read(outcome => {
      this.#reading = false
      this.#notBefore = this.#state.now() + lookMs
      this.#inVain = outcome.type === "read" ? 0 : this.#inVain + 1
    })
  }
}

/** The revision of the record that the sender knows, where the message says it. */
function claimOf(message: VoterMessage): number | undefined {
  switch (message.type) {
    case "append":
    case "installSnapshot":
      return message.record.revision
    case "sign":
    case "wouldSign":
      return message.revision
    default:
      return undefined
  }
}

/**
 * R2, the first entry of a reign. A candidate that a majority has signed for is the only one who ever writes entries of its
 * epoch, so it need not wait for the record: the entry goes to the voters while the record is being moved. What they
 * answer is kept for the reign; if the record goes to another, the entry is one of a reign that never was.
 */
import { EntryKind, type OrderedEntry } from "./ordered-entry.ts"
import type { RootRecord, VoterId } from "./root-record.ts"
import type { Appended } from "./voter-message.ts"
import type { VoterState } from "./voter-state.ts"

export class Opening {
  readonly entry: OrderedEntry
  /** Whom it was sent to. */
  readonly told: Set<VoterId> = new Set()
  /** The last that each of them has answered. */
  readonly answers: Map<VoterId, Appended> = new Map()
  /** Called when our own copy is stored. */
  onStored: (() => void) | undefined
  readonly #state: VoterState

  /** Writes it into our log. */
  constructor(state: VoterState, epoch: number) {
    this.#state = state
    const number = state.log.last.number + 1
    const { Opening: kind } = EntryKind
    this.entry = { epoch, number, kind, stream: "", order: 0, origin: "", sequence: 0, payload: new Uint8Array(0) }
    state.append([this.entry], () => this.onStored?.())
  }

  get epoch(): number {
    return this.entry.epoch
  }

  /** To the other voters of the record that is being moved. */
  bring(record: RootRecord): void {
    const { log, id } = this.#state
    const previous = log.positionOf(this.entry.number - 1)
    if (previous === undefined) return
    for (const voter of record.voters) {
      if (voter.voterId === id) continue
      this.told.add(voter.voterId)
      this.#state.send(voter, {
        type: "append",
        epoch: this.epoch,
        sentAt: this.#state.now(),
        previous: { epoch: previous.epoch, number: previous.number },
        entries: [this.entry],
        committed: log.committed,
        record,
      })
    }
  }
}

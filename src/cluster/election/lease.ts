/** R4, the root's side: for how long may it believe that nobody else was promoted. Counted from when it sent, by its own clock. */
import { majorityOf, type RootRecord, type VoterId } from "./root-record.ts"

export class Lease {
  readonly #leaseMs: number
  readonly #self: VoterId
  /** When the last message was sent to each voter that it has accepted. */
  readonly #sentAt = new Map<VoterId, number>()

  constructor(leaseMs: number, self: VoterId) {
    this.#leaseMs = leaseMs
    this.#self = self
  }

  /** That voter has accepted a message that was sent then. */
  confirmed(voter: VoterId, sentAt: number): void {
    const known = this.#sentAt.get(voter)
    if (known === undefined || sentAt > known) this.#sentAt.set(voter, sentAt)
  }

  /** Until when, on the root's clock, a majority of that record's voters has promised not to sign for another. */
  until(record: RootRecord): number {
    const others =
      majorityOf(record.voters.length) - (record.voters.some(voter => voter.voterId === this.#self) ? 1 : 0)
    if (others <= 0) return Number.POSITIVE_INFINITY
    const sent = record.voters
      .filter(voter => voter.voterId !== this.#self)
      .map(voter => this.#sentAt.get(voter.voterId) ?? Number.NEGATIVE_INFINITY)
      .sort((a, b) => b - a)
    return (sent[others - 1] ?? Number.NEGATIVE_INFINITY) + this.#leaseMs
  }
}

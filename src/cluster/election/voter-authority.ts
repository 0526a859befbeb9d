/** The authority of a voter that reigns, as its endpoint asks for it. */
import type { Authority, Inheritance, InheritedEntry, OrderProposal, OrderVerdict } from "../../endpoint/authority.ts"
import { EntryKind, type OrderedEntry, type Proposal } from "./ordered-entry.ts"
import type { OrderedLog } from "./ordered-log.ts"
import type { OrderOutcome } from "./reign.ts"

/** What of a voter an authority needs. */
export interface ReigningVoter {
  readonly log: OrderedLog
  hasAuthority(): boolean
  order(proposal: Proposal): OrderOutcome
}

export class VoterAuthority implements Authority {
  readonly epoch: number
  readonly #voter: ReigningVoter
  /** The voter's present reign, or none: a later reign is not this one. */
  readonly #reignEpoch: () => number | undefined

  constructor(voter: ReigningVoter, epoch: number, reignEpoch: () => number | undefined) {
    this.#voter = voter
    this.epoch = epoch
    this.#reignEpoch = reignEpoch
  }

  get last(): number {
    return this.#voter.log.last.number
  }
  get committed(): number {
    return this.#voter.log.committed
  }

  hasAuthority(): boolean {
    return this.#reignEpoch() === this.epoch && this.#voter.hasAuthority()
  }

  order({ stream, origin, sequence, payload }: OrderProposal): OrderVerdict {
    if (!this.hasAuthority()) return refused
    // What an origin leaves out it keeps no more.
    const outcome = this.#voter.order({ stream, origin, sequence, lowest: sequence, payload })
    switch (outcome.type) {
      case "ordered":
        return { type: "ordered", order: outcome.entry.order }
      case "duplicate":
        return { type: "duplicate" }
      default:
        return refused
    }
  }

  sequenceOf(stream: string, origin: string): number {
    return this.#voter.log.table.sequenceOf(stream, origin)
  }

  /** What the log holds at the beginning of the reign. */
  inheritance(): Inheritance {
    const { log } = this.#voter
    return { places: log.table.places(), entries: lastFirst(log.from(log.base.number + 1)) }
  }
}

function* lastFirst(entries: readonly OrderedEntry[]): Generator<InheritedEntry> {
  for (let at = entries.length - 1; at >= 0; at--) {
    const { kind, stream, order, epoch, payload } = entries[at]!
    if (kind === EntryKind.Message) yield { stream, order, epoch, payload }
  }
}

const refused: OrderVerdict = { type: "refused" }

/**
 * R1, how one comes to vote: the first seed founds the tree, and the others wait and say so; whoever is no voter yet, or is
 * found elsewhere than the record says, asks the root until the record says what it should.
 */
import type { Clock, Timer } from "../../core/clock.ts"
import type { Voter } from "../election/index.ts"
import { entryOf, type RootRecord, type VoterEntry, type VoterId } from "../election/root-record.ts"
import { sameAddresses, samePlace } from "./voter-place.ts"

/** Between two requests to the root. */
const askMs = 500
/** A founder waits that long for seeds that neither answer nor refuse. */
const foundingMs = 3000
const standsBy = "the tree has as many voters as it shall have; this one stands by"

export interface ElectorateOptions {
  readonly voter: Voter
  readonly self: VoterEntry
  /** The seeds in their order, ourselves among them or not. */
  readonly seeds: readonly string[]
  readonly found: boolean | undefined
  /** How many voters the tree shall have. */
  readonly size: number
  /** With an external store, which is asked whether there is a tree already. */
  readonly hasStore: boolean
  readonly clock: Clock
  readonly ask: (root: VoterEntry) => boolean
  readonly waiting: (reason: string) => void
  /** Whether that voter is who answers at one of these addresses. */
  readonly answersAt: (voter: VoterId, addresses: readonly string[]) => Promise<boolean>
  /** At the root: a voter whose folder is lost leaves the set, for another one answers where it was. */
  readonly replacing: (former: VoterEntry, voter: VoterEntry) => void
}

export class Electorate {
  readonly #o: ElectorateOptions
  readonly #untried: Set<string>
  #timer: Timer | undefined
  #startedAt = 0
  #founding = false
  /** The store has said that it holds no record. */
  #storeIsEmpty = false
  #reading = false
  /** We were taken out of the set, and stay out. */
  #removed = false
  #reason: string | undefined
  /** The root has said so. */
  #isFull = false
  /** It is being looked whether one is where another was. */
  #replacing = false

  constructor(options: ElectorateOptions) {
    this.#o = options
    this.#untried = new Set(options.seeds.filter(seed => !options.self.addresses.includes(seed)))
  }

  start(): void {
    const { clock } = this.#o
    this.#startedAt = clock.now()
    this.#timer = clock.every(askMs, () => this.look())
    this.look()
  }

  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** A dial of that seed was refused, or one that listens there was linked. */
  tried(address: string): void {
    if (this.#untried.delete(address) && this.#untried.size === 0) this.look()
  }

  /** What it waits for before it founds a tree, or votes in one; undefined: nothing. */
  get reason(): string | undefined {
    return this.#reason
  }

  removed(): void {
    this.#removed = true
  }

  /** At the root: somebody asks. A code of VOTER_JOIN_REPLY. */
  asked(voter: VoterEntry): string {
    const { voter: own, size } = this.#o
    const { record } = own
    if (!own.hasAuthority() || record === undefined) return "NoAuthority"
    const known = entryOf(record, voter.voterId)
    if (known !== undefined && samePlace(known, voter)) return "Done"
    if (known !== undefined) return own.moveVoter(voter) ? "Begun" : "Busy"
    const former = record.voters.find(each => each.voterId !== own.id && sameAddresses(each.addresses, voter.addresses))
    if (former !== undefined && !own.heirs.some(({ voterId }) => voterId === former.voterId)) {
      void this.#replace(former, voter)
      return "Busy"
    }
    if (record.voters.length >= size) return "Full"
    return own.addVoter(voter) ? "Begun" : "Busy"
  }

  /** Two processes cannot listen at one address: who was there has come back with another folder, and never votes again. */
  async #replace(former: VoterEntry, voter: VoterEntry): Promise<void> {
    if (this.#replacing) return
    this.#replacing = true
    const isThere = await this.#o.answersAt(voter.voterId, former.addresses)
    this.#replacing = false
    if (isThere && this.#timer !== undefined && this.#o.voter.removeVoter(former.voterId))
      this.#o.replacing(former, voter)
  }

  answered(code: string): void {
    const wasFull = this.#isFull
    this.#isFull = code === "Full"
    if (!this.#isFull || wasFull) return
    this.#reason = standsBy
    this.#o.waiting(standsBy)
  }

  look(): void {
    const { voter } = this.#o
    const { record } = voter
    const before = this.#reason
    this.#reason = undefined
    if (record === undefined) this.#foundOrWait()
    else this.#join(record)
    if (this.#reason !== undefined && this.#reason !== before) this.#o.waiting(this.#reason)
  }

  // ---- a tree that nobody knows of ----

  #foundOrWait(): void {
    const { seeds, self, found, clock, hasStore } = this.#o
    if (this.#founding) return
    const first = seeds[0]
    const isFirst = first === undefined || self.addresses.includes(first)
    if (!(found ?? isFirst)) {
      this.#reason = `${first === undefined ? "somebody" : `the first seed, ${first},`} has yet to found the tree`
      return
    }
    if (hasStore && !this.#storeIsEmpty) {
      this.#reason = "the store of the root record has not answered yet"
      this.#askStore()
      return
    }
    // Whoever has lost its data folder may be the first seed of a tree that lives on.
    if (found !== true && this.#untried.size > 0 && clock.now() - this.#startedAt < foundingMs) {
      this.#reason = "it looks for a tree at the other seeds before it founds one"
      return
    }
    this.#founding = true
    this.#o.voter.found(done => {
      this.#founding = false
      this.#storeIsEmpty = false
      if (!done) this.look()
    })
  }

  #askStore(): void {
    if (this.#reading) return
    this.#reading = true
    this.#o.voter.readRecord(outcome => {
      this.#reading = false
      if (outcome.type !== "read" || outcome.record !== undefined) return
      this.#storeIsEmpty = true
      this.look()
    })
  }

  // ---- a tree that exists ----

  #join(record: RootRecord): void {
    const { self, voter, ask } = this.#o
    if (this.#removed || voter.reignEpoch !== undefined) return
    const known = entryOf(record, self.voterId)
    if (known !== undefined && samePlace(known, self)) return
    if (known === undefined)
      this.#reason = this.#isFull ? standsBy : `it asks the root, ${record.root.voterId}, to become a voter`
    if (record.root.voterId !== self.voterId) ask(record.root)
  }
}

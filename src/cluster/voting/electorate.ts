/**
 * R1, how one comes to vote: the first seed founds the tree, and the others wait and say so; whoever is no voter yet, or is
 * found elsewhere than the record says, asks the root until the record says what it should.
 */
import type { Clock, Timer } from "../../core/clock.ts"
import type { Voter } from "../election/index.ts"
import { entryOf, type RootRecord, type VoterEntry, type VoterId } from "../election/root-record.ts"
import { samePlace } from "./voter-place.ts"

/** Between two requests to the root. */
const askMs = 500
/** A founder waits that long for seeds that neither answer nor refuse. */
const foundingMs = 3000

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
  #said = ""

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
  }

  /** A dial of that seed has ended, or one that listens there was linked. */
  tried(address: string): void {
    if (this.#untried.delete(address) && this.#untried.size === 0) this.look()
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
    if (record.voters.length >= size) return "Full"
    return own.addVoter(voter) ? "Begun" : "Busy"
  }

  answered(from: VoterId, code: string): void {
    if (code === "Full") this.#say(`the tree has as many voters as it shall have; this one stands by (${from})`)
  }

  look(): void {
    const { voter } = this.#o
    const { record } = voter
    if (record === undefined) this.#foundOrWait()
    else this.#join(record)
  }

  // ---- a tree that nobody knows of ----

  #foundOrWait(): void {
    const { seeds, self, found, clock, hasStore } = this.#o
    if (this.#founding) return
    const first = seeds[0]
    const isFirst = first === undefined || self.addresses.includes(first)
    if (!(found ?? isFirst)) {
      const who =
        first === undefined ? "somebody who may found the tree" : `the first seed, ${first}, to found the tree`
      this.#say(`waiting for ${who}`)
      return
    }
    if (hasStore && !this.#storeIsEmpty) {
      this.#say("waiting for the store of the root record")
      this.#askStore()
      return
    }
    // Whoever has lost its data folder may be the first seed of a tree that lives on.
    if (found !== true && this.#untried.size > 0 && clock.now() - this.#startedAt < foundingMs) {
      this.#say("looking for a tree at the other seeds before one is founded")
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
    if (known === undefined) this.#say(`asking the root, ${record.root.voterId}, to become a voter`)
    if (record.root.voterId !== self.voterId) ask(record.root)
  }

  #say(reason: string): void {
    if (reason === this.#said) return
    this.#said = reason
    this.#o.waiting(reason)
  }
}

import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { allRules, defaultLogLimits, defaultTiming } from "./election-options.ts"
import { EmbeddedKeeper } from "./embedded-keeper.ts"
import type { ReadOutcome, SetOutcome } from "./record-keeper.ts"
import { foundingRecord, newGenerationId, newVoterId, type RootRecord } from "./root-record.ts"
import { freshMemory, remember, type VoteStorage } from "./vote-storage.ts"
import type { RecordMessage } from "./voter-message.ts"
import { VoterState } from "./voter-state.ts"

type Rule = (from: number, to: number, message: RecordMessage) => boolean

/** Three voters, each with a keeper; `passes` says which messages arrive. */
class Register {
  readonly clock = new SimulatedClock()
  readonly keepers: EmbeddedKeeper[] = []
  readonly record: RootRecord
  passes: Rule = () => true

  constructor() {
    const random = new SeededRandom(1)
    const entries = [1, 2, 3].map(n => ({ voterId: newVoterId(random), addresses: [`sim://${n}`] }))
    this.record = { ...foundingRecord("plant", newGenerationId(random), entries[0]!), voters: entries }
    const ballot = { counter: 1, voter: entries[0]!.voterId }
    for (const [from, self] of entries.entries()) {
      const memory = remember(freshMemory, [
        { type: "record", record: this.record },
        { type: "accepted", ballot, record: this.record },
      ])
      const storage: VoteStorage = { write: (_, done) => void this.clock.soon(() => done?.()) }
      const state = new VoterState({
        tree: "plant",
        self,
        clock: this.clock,
        random,
        links: {
          send: (to, { message }) => {
            const at = entries.findIndex(each => each.voterId === to.voterId)
            if (this.passes(from, at, message as RecordMessage))
              this.clock.soon(() => this.keepers[at]!.onMessage(self, message as RecordMessage))
          },
          redial: () => {},
        },
        storage,
        memory,
        keeper: { read: () => {}, compareAndSet: () => {}, watch: () => {} },
        timing: defaultTiming,
        limits: defaultLogLimits,
        rules: allRules,
        listener: () => {},
      })
      this.keepers.push(new EmbeddedKeeper({ state, storage, memory }))
    }
  }

  /** The next record, written by that voter. */
  next(by: number, after: RootRecord = this.record): RootRecord {
    return { ...after, revision: after.revision + 1, extra: { by } }
  }
  set(by: number, record: RootRecord): Promise<SetOutcome> {
    return new Promise(done => this.keepers[by]!.compareAndSet(record.revision - 1, record, done))
  }
  read(by: number): Promise<ReadOutcome> {
    return new Promise(done => this.keepers[by]!.read(done))
  }
}

/** The first's record is accepted by a majority, of which it does not hear. */
const unheard: Rule = (from, to, message) => !(to === 0 && message.type === "recordAccepted" && from !== 0)

describe("A change of the embedded record that was cut short", () => {
  it("is told as made when it stands, though another voter completed it", async () => {
    const register = new Register()
    register.passes = unheard
    const outcome = register.set(0, register.next(0))
    await register.clock.run(20)
    const seen = register.read(2)
    await register.clock.run(50)
    expect(await seen).toMatchObject({ type: "read", record: { extra: { by: 0 } } })
    register.passes = () => true
    await register.clock.run(2_000)
    expect(await outcome).toEqual({ type: "set" })
  })

  it("is not told as refused when others have changed it further: it may have been made", async () => {
    const register = new Register()
    register.passes = unheard
    const mine = register.next(0)
    const outcome = register.set(0, mine)
    await register.clock.run(20)
    const further = register.set(2, register.next(2, mine))
    await register.clock.run(50)
    expect(await further).toEqual({ type: "set" })
    register.passes = () => true
    await register.clock.run(2_000)
    expect(await outcome).toEqual({ type: "unknown" })
  })

  it("is refused when another took its place", async () => {
    const register = new Register()
    // What the first wants accepted leaves it for nobody, and nobody hears its own promise.
    register.passes = (from, to, message) =>
      !(from === 0 && message.type !== "recordPrepare") && !(to === 0 && from !== 0 && message.type === "recordPrepare")
    const outcome = register.set(0, register.next(0))
    await register.clock.run(20)
    const other = register.set(2, register.next(2))
    await register.clock.run(50)
    expect(await other).toEqual({ type: "set" })
    register.passes = () => true
    await register.clock.run(2_000)
    expect(await outcome).toMatchObject({ type: "conflict", record: { extra: { by: 2 } } })
  })
})

describe("The embedded record", () => {
  it("is nothing that somebody tells who was not asked", async () => {
    const register = new Register()
    const stranger = { voterId: newVoterId(new SeededRandom(9)), addresses: [] }
    // It comes before what the second voter promises.
    register.passes = (_, to, message) => {
      if (to !== 0 || message.type !== "recordPromise") return true
      const accepted = { ballot: { counter: 99, voter: stranger.voterId }, record: register.next(7) }
      register.keepers[0]!.onMessage(stranger, { ...message, accepted })
      return true
    }
    const outcome = register.read(0)
    await register.clock.run(50)
    expect(await outcome).toEqual({ type: "read", record: register.record })
  })

  it("is changed whatever ballot was claimed that nobody can have come to", async () => {
    const register = new Register()
    const [, second] = register.record.voters
    const ballot = { counter: Number.MAX_SAFE_INTEGER, voter: second!.voterId }
    for (const keeper of register.keepers) {
      keeper.onMessage(second!, { type: "recordPrepare", ballot })
      keeper.onMessage(second!, { type: "recordAccept", ballot, record: register.next(7) })
    }
    const outcome = register.set(0, register.next(0))
    await register.clock.run(50)
    expect(await outcome).toEqual({ type: "set" })
  })
})

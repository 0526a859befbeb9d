import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { Candidacy } from "./candidacy.ts"
import type { ElectionEvent } from "./election-event.ts"
import { allRules, defaultLogLimits, defaultTiming } from "./election-options.ts"
import { Opening } from "./opening.ts"
import { EntryKind } from "./ordered-entry.ts"
import type { SetOutcome } from "./record-keeper.ts"
import { Reign } from "./reign.ts"
import { foundingRecord, newGenerationId, newVoterId, type VoterEntry } from "./root-record.ts"
import { freshMemory } from "./vote-storage.ts"
import type { VoterMessage } from "./voter-message.ts"
import { VoterState } from "./voter-state.ts"

/** The first of three voters, which writes what it says; the record of epoch 1 is kept by whoever answers `recorded`. */
class Desk {
  readonly clock = new SimulatedClock()
  readonly sent: VoterMessage[] = []
  readonly events: ElectionEvent[] = []
  readonly voters: VoterEntry[]
  readonly state: VoterState
  recorded: ((outcome: SetOutcome) => void) | undefined

  constructor(at = { epoch: 0, number: 0 }) {
    const random = new SeededRandom(1)
    this.voters = [1, 2, 3].map((n): VoterEntry => ({ voterId: newVoterId(random), addresses: [`sim://${n}`] }))
    const record = { ...foundingRecord("plant", newGenerationId(random), this.voters[0]!), voters: this.voters }
    this.state = new VoterState({
      tree: "plant",
      self: this.voters[0]!,
      clock: this.clock,
      random,
      links: { send: (_, { message }) => void this.sent.push(message), redial: () => {} },
      storage: { write: (_, done) => void this.clock.soon(() => done?.()) },
      memory: { ...freshMemory, record, snapshot: { at, streams: [] } },
      keeper: {
        read: () => {},
        compareAndSet: (_revision, _record, done) => {
          this.recorded = done
        },
        watch: () => {},
      },
      timing: defaultTiming,
      limits: defaultLogLimits,
      rules: allRules,
      listener: event => void this.events.push(event),
    })
  }

  get types(): string[] {
    return this.events.map(({ type }) => type)
  }
  said<Type extends VoterMessage["type"]>(type: Type) {
    return this.sent.filter((each): each is VoterMessage & { type: Type } => each.type === type)
  }
}

const deaf = { renew: () => {}, deposed: () => {}, given: () => {} }

const reignOf = (state: VoterState, opening: Opening, epoch: number) =>
  new Reign({
    state,
    epoch,
    record: { ...state.record!, epoch },
    opening,
    leaving: undefined,
    ...deaf,
  })

describe("R2 Reign", () => {
  it("has its opening in its first words to the others, however long the log is", () => {
    const end = { epoch: 1, number: 5 * defaultLogLimits.windowEntries }
    const { state, sent } = new Desk(end)
    const reign = reignOf(state, new Opening(state, 2), 2)
    reign.begin()
    reign.end("the test is over")
    expect(sent).toHaveLength(2)
    for (const message of sent)
      expect(message).toMatchObject({ type: "append", previous: end, entries: [{ kind: EntryKind.Opening }] })
  })

  it("has its opening stored while the record is being moved, and has no authority before both are done", async () => {
    const desk = new Desk()
    const { clock, state, voters } = desk
    const [self, other] = voters as [VoterEntry, VoterEntry]
    let reign: Reign | undefined
    const candidacy = new Candidacy({
      state,
      atOnce: true,
      won: (record, opening) => {
        reign = new Reign({ state, epoch: record.epoch, record, opening, leaving: undefined, ...deaf })
        reign.begin()
      },
      failed: why => expect.unreachable(why),
    })
    candidacy.begin()
    await clock.advance(1)
    const { epoch } = candidacy
    const signature = { type: "signature", epoch, granted: true, signed: epoch, record: undefined } as const
    candidacy.onSignature(other.voterId, { ...signature, last: { epoch: 0, number: 0 } })
    expect(desk.recorded).toBeDefined()
    const [append] = desk.said("append")
    expect(append).toMatchObject({ epoch, entries: [{ kind: EntryKind.Opening, epoch }], record: { epoch: 1 } })

    const { sentAt } = append!
    candidacy.onAppended(other.voterId, {
      type: "appended",
      epoch,
      sentAt,
      accepted: true,
      matched: 1,
      signed: epoch,
      last: 1,
    })
    await clock.advance(1)
    expect(state.stored).toBe(1)
    expect(reign).toBeUndefined()
    expect(desk.types).not.toContain("opened")

    const said = desk.said("append").length
    desk.recorded!({ type: "set" })
    expect(reign?.hasAuthority()).toBe(true)
    expect(state.record?.root.voterId).toBe(self.voterId)
    // What the others hear next is the record, and that the opening is committed.
    for (const message of desk.said("append").slice(said))
      expect(message).toMatchObject({ entries: [], previous: { epoch, number: 1 }, record: { epoch } })
    reign?.end("the test is over")
  })
})

import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { allRules, defaultLogLimits, defaultTiming } from "./election-options.ts"
import { EntryKind } from "./ordered-entry.ts"
import { Reign } from "./reign.ts"
import { foundingRecord, newGenerationId, newVoterId, type VoterEntry } from "./root-record.ts"
import { freshMemory } from "./vote-storage.ts"
import type { VoterMessage } from "./voter-message.ts"
import { VoterState } from "./voter-state.ts"

describe("Reign", () => {
  it("has its opening in its first words to the others, however long the log is", () => {
    const clock = new SimulatedClock()
    const random = new SeededRandom(1)
    const voters = [1, 2, 3].map((n): VoterEntry => ({ voterId: newVoterId(random), addresses: [`sim://${n}`] }))
    const record = { ...foundingRecord("plant", newGenerationId(random), voters[0]!), epoch: 2, voters }
    const longLog = { at: { epoch: 1, number: 5 * defaultLogLimits.windowEntries }, streams: [] }
    const sent: VoterMessage[] = []
    const state = new VoterState({
      tree: "plant",
      self: voters[0]!,
      clock,
      random,
      links: { send: (_, { message }) => void sent.push(message), redial: () => {} },
      storage: { write: (_, done) => void clock.soon(() => done?.()) },
      memory: { ...freshMemory, record, signed: { epoch: 2, candidate: voters[0]!.voterId }, snapshot: longLog },
      keeper: { read: () => {}, compareAndSet: () => {}, watch: () => {} },
      timing: defaultTiming,
      limits: defaultLogLimits,
      rules: allRules,
      listener: () => {},
    })
    const reign = new Reign({ state, record, leaving: undefined, renew: () => {}, deposed: () => {} })
    reign.begin()
    reign.end("the test is over")
    expect(sent).toHaveLength(2)
    for (const message of sent)
      expect(message).toMatchObject({ type: "append", previous: longLog.at, entries: [{ kind: EntryKind.Opening }] })
  })
})

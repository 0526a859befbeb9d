/** Whole swarms on virtual time; see src/testing/simulation. A failing seed is the whole bug report. */
import { describe, expect, it } from "vitest"
import { simulateMessages } from "../../src/testing/simulation/index.ts"
import { expectPromisesKept } from "./swarm-seeds.ts"

describe("A swarm", () => {
  it.each([1, 51, 101, 151, 201])("keeps its promises whatever goes wrong: fifty seeds from %i", seed =>
    expectPromisesKept(seed, 50),
  )

  it.each([
    [50_849, "a notice lost with its connection"],
    [998, "direct messages for those whom a relay no longer had below it"],
    [3446, "a lost direct message, the last of its sender, in one hole with those of another"],
    [4753, "a document closed at the relay that was asked for it"],
    [4910, "what an origin sent to a root that was lost, among order numbers without a hole"],
    [5463, "a direct message for a client that had joined another host below"],
    [6308, "a gap of numbers that had come before the topic was left"],
    [7164, "a link lost between its baseline and its being up"],
    [60_622, "a slow relay's time to send its clients away, which ended after its host had closed"],
    [8086, "a direct message that turned up at the root before whom it is for did"],
    [8088, "a direct message that turned up where there was no room above"],
  ])("keeps the promises that it once broke: seed %i, %s", seed => expectPromisesKept(seed, 1))

  it("happens again exactly, given its seed", async () => {
    for (const seed of [2, 3, 5]) {
      const first = await simulateMessages({ seed })
      const second = await simulateMessages({ seed })
      expect(second.hash).toBe(first.hash)
      expect(first.counts.deliveries).toBeGreaterThan(100)
    }
  })
})

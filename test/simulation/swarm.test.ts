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
    [72_811, "a gap told by a host that had more before it"],
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

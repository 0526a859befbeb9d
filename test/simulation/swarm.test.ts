/** Whole swarms on virtual time; see src/testing/simulation. A failing seed is the whole bug report. */
import { describe, expect, it } from "vitest"
import { simulate } from "../../src/testing/simulation/index.ts"

describe("A swarm", () => {
  it("keeps its promises whatever goes wrong", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const outcome = await simulate({ seed })
      expect(outcome.endpoints).toBeGreaterThanOrEqual(4)
      expect(outcome.faults.length).toBeGreaterThanOrEqual(3)
      expect(outcome.virtualMs).toBeGreaterThanOrEqual(20_000)
      if (outcome.violations.length > 0) expect.fail(outcome.report())
    }
  })

  it("happens again exactly, given its seed", async () => {
    for (const seed of [2, 3, 5]) {
      const first = await simulate({ seed })
      const second = await simulate({ seed })
      expect(second.hash).toBe(first.hash)
      expect(first.counts.deliveries).toBeGreaterThan(100)
    }
  })
})

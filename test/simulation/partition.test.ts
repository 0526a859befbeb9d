/** A tree with voters whose network parts in two and is healed again (R6; docs/guide/three-voters.md). */
import { describe, expect, it } from "vitest"
import { simulatePartition } from "../../src/testing/simulation/index.ts"

describe("A tree whose network parts in two", () => {
  it.each([1, 2, 3, 4, 5, 6])(
    "writes documents on both sides, orders on one, and is whole again when it is healed: seed %i",
    async seed => {
      const outcome = await simulatePartition({ seed })
      if (outcome.violations.length > 0) expect.fail(outcome.report())
      expect(outcome.refused).toBeGreaterThan(10)
      expect(outcome.acknowledged).toBeGreaterThan(10)
      expect(outcome.words.minority).toBeGreaterThan(10)
      expect(outcome.words.majority).toBeGreaterThan(10)
      expect(outcome.promotions > 0).toBe(outcome.rootWasCutOff)
    },
  )

  it("happens again exactly, given its seed", async () => {
    expect((await simulatePartition({ seed: 2 })).hash).toBe((await simulatePartition({ seed: 2 })).hash)
  })

  it("takes ordered messages in the minority when rule R6 is left out, which is noticed", async () => {
    const { violations } = await simulatePartition({ seed: 1, without: "minority" })
    expect(violations.map(({ invariant }) => invariant)).toContain("minority")
  })
})

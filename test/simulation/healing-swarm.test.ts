/** Whole swarms of trees that heal (the kind `swarm` of scripts/simulate.mjs): seeds that once found a fault. */
import { describe, expect, it } from "vitest"
import { simulateSwarm } from "../../src/testing/simulation/index.ts"

const named = [
  /** A relay took for heard what an origin had sent elsewhere before it moved below: its former messages were dropped. */
  857,
  /** One who told that it is gone was told of again, and stayed. */
  923,
  /** A stream that waited for a repair by one host began, at the next one, too late and without a gap. */
  981,
]

describe("A swarm in a tree that heals", () => {
  it.each(named)("keeps its promises: seed %i", async seed => {
    const run = await simulateSwarm({ seed })
    expect(run.faults.length).toBeGreaterThanOrEqual(5)
    expect(run.virtualMs).toBeGreaterThanOrEqual(60_000)
    if (run.violations.length > 0) expect.fail(run.report(60))
  })
})

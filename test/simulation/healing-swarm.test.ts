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
  /** Direct messages for those whom a relay no longer had below it. */
  998,
  /** A lost direct message, the last of its sender, in one hole with those of another. */
  3446,
  /** A document closed at the relay that was asked for it. */
  4753,
  /** What an origin sent to a root that was lost, among order numbers without a hole. */
  4910,
  /** A direct message for a client that had joined another host below. */
  5463,
  /** A gap of numbers that had come before the topic was left. */
  6308,
  /** A link lost between its baseline and its being up. */
  7164,
  /** A direct message that turned up at the root before whom it is for did. */
  8086,
  /** A direct message that turned up where there was no room above. */
  8088,
  /** A gap told from above of numbers that had been told of before the topic was left and followed anew. */
  8441,
  /** A direct message for one behind a relay that had moved before anyone knew, and that a small ring had let go of. */
  14_005,
  /** A hole noted just before all was asked for anew counted as under repair for ever: streams that began later stayed silent. */
  14_878,
  /** A direct message for a client whose session ended as too slow, when it had long moved elsewhere. */
  18_378,
  /** Direct messages that went after a client whose queue they overflowed, and again after it had joined anew for that. */
  28_323,
  /** A slow relay's time to send its clients away, which ended after its host had closed. */
  60_622,
]

describe("A swarm in a tree that heals", () => {
  it.each(named)("keeps its promises: seed %i", async seed => {
    const run = await simulateSwarm({ seed })
    expect(run.faults.length).toBeGreaterThanOrEqual(5)
    expect(run.virtualMs).toBeGreaterThanOrEqual(60_000)
    if (run.violations.length > 0) expect.fail(run.report(60))
  })
})

/** Swarms in trees of relays: the same promises, the same faults, two to four links deep. */
import { describe, expect, it } from "vitest"
import { simulateMessages } from "../../src/testing/simulation/index.ts"

const named = [
  /** A relay that lost a stream's last frames told nobody below. */
  14, 60,
  /** A hole told of during a resync began the stream too late, and a topic followed anew forgot where it had begun. */
  164,
  /** A relay that was closed went on publishing. */
  246,
  /** What origins had sent on an ordered topic was taken for heard while it was still to come. */
  470,
  /** Between two reigns a relay's positions hid what its origins had sent. */
  469,
  /** Direct messages for one behind a relay that was paused, then cut off, were lost without a word. */
  50_044,
]

async function expectPromisesKept(seeds: Iterable<number>): Promise<void> {
  for (const seed of seeds) {
    const outcome = await simulateMessages({ seed, tree: true })
    expect(outcome.endpoints).toBeGreaterThanOrEqual(4)
    expect(outcome.faults.length).toBeGreaterThanOrEqual(3)
    if (outcome.violations.length > 0) expect.fail(outcome.report())
  }
}

describe("A swarm in a tree", () => {
  it.each([1, 11, 21, 31])("keeps its promises whatever goes wrong: ten seeds from %i", first =>
    expectPromisesKept(Array.from({ length: 10 }, (_, i) => first + i)),
  )

  it.each(named)("seed %i, which once found a fault", seed => expectPromisesKept([seed]))

  it("happens again exactly, given its seed", async () => {
    const [first, second] = [
      await simulateMessages({ seed: 3, tree: true }),
      await simulateMessages({ seed: 3, tree: true }),
    ]
    expect(second.hash).toBe(first.hash)
  })
})

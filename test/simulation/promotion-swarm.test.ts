/** Root after root killed under load (the kind `promotion` of scripts/simulate.mjs): seeds that once found a fault. */
import { describe, expect, it } from "vitest"
import { simulatePromotion } from "../../src/testing/simulation/index.ts"

const named = [
  /** Documents of a root that had been deposed, or was new, stayed offline; what it had told of presence went on to the next. */
  3,
  53,
  /** A reign that had been told of was noted again: all that had been heard was taken back, and heard again. */
  29,
  /** What a voter that was just opened sees of the order begins where its host stands, and its clients are told of what is before. */
  41,
  /** What an origin had sent to a root that was lost was missed without a gap by those who never had heard of it. */
  62, 97,
  /** What a joiner had said before it was refused counted as a violation. */
  95,
  /** What a lost root had passed on was missed without a gap: by a repair that its end had cut off, and at the next root. */
  144,
  294,
  /** A direct message that waited for room was overtaken by the next. */
  306,
  /** A voter that stood by, and was opened again, followed nobody. */
  753,
  /** A new root's memory brought what its reign had voided, after everybody had been told so. */
  140,
  /** What had been voided by a reign before the newest one came from a host's memory, and stayed. */
  231,
  /** Whoever heard a new reign from its middle on took its beginning, of which it had the places of the reign before, for kept. */
  2787,
  /** A relay to which the first messages of a reign never came passed on that it had begun later: what was void below stayed. */
  3004,
  /** A root of the smaller part went below the next one, to which the first messages of its reign never came: its clients kept theirs. */
  5811,
  /** A first seed without its folder took dials that nobody answered for seeds that know of no tree, and founded another. */
  6424,
  /** Who asked a new root who is present took what frames of the last one said meanwhile for its answer. */
  8410,
]

describe("A tree that loses root after root", () => {
  it.each(named)("keeps its promises: seed %i", async seed => {
    const run = await simulatePromotion({ seed })
    if (run.violations.length > 0) expect.fail(run.report(60))
    expect(run.counts.rootKills).toBeGreaterThan(5)
    expect(run.counts.promotions).toBeGreaterThan(5)
    expect(run.counts.lostReplicated).toBe(0)
  })

  it("happens again exactly, given its seed", async () => {
    expect((await simulatePromotion({ seed: 5 })).hash).toBe((await simulatePromotion({ seed: 5 })).hash)
  })
})

import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../../core/random.ts"
import { BackOff } from "./back-off.ts"

/** The largest of many waits at the same step, which comes close to its ceiling. */
function ceilings(steps: number, options = {}, resetAt?: number): number[] {
  const highest: number[] = Array.from({ length: steps }, () => 0)
  for (let seed = 1; seed <= 400; seed++) {
    const backOff = new BackOff(options, new SeededRandom(seed))
    for (let step = 0; step < steps; step++) {
      if (step === resetAt) backOff.reset()
      highest[step] = Math.max(highest[step]!, backOff.next())
    }
  }
  return highest
}

describe("BackOff", () => {
  it("doubles its ceiling until a handshake succeeds", () => {
    const rounded = (waits: number[]) => waits.map(wait => Math.round(wait / 100) * 100)
    const options = { initialMs: 1_000, maxMs: 8_000 }
    expect(rounded(ceilings(6, options))).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 8_000])
    expect(rounded(ceilings(4, options, 2))).toEqual([1_000, 2_000, 1_000, 2_000])
  })

  it("spreads waits over all of what is allowed, so that many do not come at once", () => {
    const waits = Array.from({ length: 400 }, (_, seed) =>
      new BackOff({ initialMs: 100 }, new SeededRandom(seed)).next(),
    )
    for (const part of [0, 1, 2, 3]) {
      expect(waits.filter(wait => Math.floor(wait / 25) === part).length).toBeGreaterThan(50)
    }
    expect(Math.max(...waits)).toBeLessThan(100)
  })
})

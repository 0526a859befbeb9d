import { describe, expect, it } from "vitest"
import { toHex } from "./bytes.ts"
import { type Random, SeededRandom, systemRandom } from "./random.ts"

const draws = (random: Random) => Array.from({ length: 20 }, () => random.u32())

describe("SeededRandom", () => {
  it("gives the same draws for a seed, today and in later releases", () => {
    expect(draws(new SeededRandom(7))).toEqual(draws(new SeededRandom(7)))
    // A seed in a bug report must mean the same run next year.
    expect(toHex(new SeededRandom(1).bytes(8))).toBe("7f2cdd91d3e84df3")
    expect(new SeededRandom(2 ** 40 + 1).u32()).toBe(1_195_542_500)
  })

  it("gives other draws for other seeds, also when only the upper half differs", () => {
    expect(draws(new SeededRandom(1))).not.toEqual(draws(new SeededRandom(2)))
    expect(draws(new SeededRandom(1))).not.toEqual(draws(new SeededRandom(2 ** 32 + 1)))
  })

  it("forks a generator whose draws do not shift its own", () => {
    const [a, b] = [new SeededRandom(3), new SeededRandom(3)]
    const [forkA, forkB] = [a.fork(), b.fork()]
    draws(forkA)
    expect(draws(a)).toEqual(draws(b))
    expect(forkA.u32()).not.toEqual(forkB.u32())
  })
})

for (const [name, random] of [
  ["SeededRandom", new SeededRandom(99)],
  ["systemRandom", systemRandom],
] as const) {
  describe(name, () => {
    it("draws within its limits and fills them", () => {
      const seen = new Set<number>()
      for (let i = 0; i < 2_000; i++) {
        const word = random.u32()
        expect(Number.isInteger(word) && word >= 0 && word < 2 ** 32).toBe(true)
        const float = random.float()
        expect(float >= 0 && float < 1).toBe(true)
        seen.add(random.below(6))
      }
      expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5])
      expect(random.below(1)).toBe(0)
    })

    it("spreads evenly enough that each of 16 bins has its share", () => {
      const bins = new Array<number>(16).fill(0)
      for (let i = 0; i < 16_000; i++) bins[random.below(16)]!++
      // Each bin is binomial, mean 1,000 and deviation 31; seven deviations fail once in 10¹¹ runs.
      expect(Math.min(...bins)).toBeGreaterThan(780)
      expect(Math.max(...bins)).toBeLessThan(1_220)
    })

    it("gives as many octets as were asked for", () => {
      expect(random.bytes(0)).toHaveLength(0)
      const bytes = random.bytes(4_000)
      expect(bytes).toHaveLength(4_000)
      expect(new Set(bytes).size).toBe(256)
    })
  })
}

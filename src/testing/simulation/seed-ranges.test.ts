import { describe, expect, it } from "vitest"
import { countOf, missingOf, type SeedRange, withRange } from "./seed-ranges.ts"

describe("Seed ranges", () => {
  it("join where they touch, in whatever order they come", () => {
    const seeds = [5, 1, 2, 9, 4, 3]
    const ranges = seeds.reduce<SeedRange[]>((all, seed) => withRange(all, [seed, seed]), [])
    expect(ranges).toEqual([
      [1, 5],
      [9, 9],
    ])
    expect(countOf(ranges)).toBe(6)
  })

  it("tell what is missing of another, in pieces", () => {
    const done: SeedRange[] = [
      [3, 4],
      [8, 20],
    ]
    expect(missingOf(done, [1, 9], 10)).toEqual([
      [1, 2],
      [5, 7],
    ])
    expect(missingOf(done, [4, 25], 2)).toEqual([
      [5, 6],
      [7, 7],
      [21, 22],
      [23, 24],
      [25, 25],
    ])
    expect(missingOf(done, [9, 20], 10)).toEqual([])
    expect(missingOf([], [1, 3], 10)).toEqual([[1, 3]])
  })
})

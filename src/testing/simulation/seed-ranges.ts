/** Which seeds are done: ranges of numbers, kept apart and in order. */

/** From and through, both included. */
export type SeedRange = readonly [from: number, through: number]

/** The ranges with one more, joined where they touch. */
export function withRange(ranges: readonly SeedRange[], range: SeedRange): SeedRange[] {
  const joined: [number, number][] = []
  for (const [from, through] of [...ranges, range].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1)
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], through)
    else joined.push([from, through])
  }
  return joined
}

/** What of the range is in none of the ranges, in pieces of at most `most` seeds. */
export function missingOf(ranges: readonly SeedRange[], [from, through]: SeedRange, most: number): SeedRange[] {
  const pieces: SeedRange[] = []
  let next = from
  const take = (until: number) => {
    for (; next <= until; next += most) pieces.push([next, Math.min(until, next + most - 1)])
    next = until + 1
  }
  for (const [begin, end] of ranges) {
    if (end < next) continue
    if (begin > through) break
    if (begin > next) take(begin - 1)
    next = Math.max(next, end + 1)
  }
  if (next <= through) take(through)
  return pieces
}

/** How many seeds the ranges hold. */
export function countOf(ranges: readonly SeedRange[]): number {
  return ranges.reduce((sum, [from, through]) => sum + through - from + 1, 0)
}

/**
 * The smallest edits, within a bounded effort, that turn one text into another.
 *
 * What both begin and end with is trimmed first: that is all there is to do for the change of a person typing. What
 * remains is compared character by character when it is small. When it is large it is cut at lines that occur once on
 * both sides and in the same order (patience), and only the stretches between such lines are compared by character.
 * A stretch that would still be too dear, or comes after the effort is spent, is replaced as a whole: never wrong, only
 * coarser. Effort is counted, not timed, so the same texts always give the same edits.
 */
import diff from "fast-diff"

/** At `at` (of the text before, in UTF-16 units), `remove` units go and `insert` comes. */
export interface Edit {
  readonly at: number
  readonly remove: number
  readonly insert: string
}

export interface DifferenceLimits {
  /** Product of lengths up to which one stretch is compared by character. Default 4 million (about 2,000 × 2,000). */
  readonly stretchCells?: number
  /** The same over all stretches together. Default 64 million. */
  readonly totalCells?: number
}

/** Edits in ascending order that do not touch one another; positions are those of `before`. */
export function difference(before: string, after: string, limits: DifferenceLimits = {}): Edit[] {
  const ranges: Range[] = []
  const budget = { stretch: limits.stretchCells ?? 4_000_000, total: limits.totalCells ?? 64_000_000 }
  const whole = { beforeFrom: 0, beforeTo: before.length, afterFrom: 0, afterTo: after.length }
  compare({ before, after, ...whole }, budget, ranges)
  return editsOf(ranges, before, after)
}

/** What one text has between two places where the other has something else. */
interface Range {
  readonly beforeFrom: number
  readonly beforeTo: number
  readonly afterFrom: number
  readonly afterTo: number
}

/** A range still to be compared. */
interface Stretch extends Range {
  readonly before: string
  readonly after: string
}

interface Budget {
  readonly stretch: number
  total: number
}

function compare(whole: Stretch, budget: Budget, ranges: Range[]): void {
  const stretch = trimmed(whole)
  const { before, beforeFrom, beforeTo, after, afterFrom, afterTo } = stretch
  const removed = beforeTo - beforeFrom
  const added = afterTo - afterFrom
  if (removed === 0 && added === 0) return
  const cells = removed * added
  if (cells === 0) {
    ranges.push({ beforeFrom, beforeTo, afterFrom, afterTo })
    return
  }
  if (cells <= budget.stretch && cells <= budget.total) {
    budget.total -= cells
    byCharacter(stretch, ranges)
    return
  }
  const anchors = commonUniqueLines(stretch)
  if (anchors.length === 0) {
    ranges.push({ beforeFrom, beforeTo, afterFrom, afterTo })
    return
  }
  let beforeAt = beforeFrom
  let afterAt = afterFrom
  for (const anchor of anchors) {
    compare(
      { before, beforeFrom: beforeAt, beforeTo: anchor.before, after, afterFrom: afterAt, afterTo: anchor.after },
      budget,
      ranges,
    )
    beforeAt = anchor.before + anchor.length
    afterAt = anchor.after + anchor.length
  }
  compare({ before, beforeFrom: beforeAt, beforeTo, after, afterFrom: afterAt, afterTo }, budget, ranges)
}

/** Without what both sides begin and end with. */
function trimmed(stretch: Stretch): Stretch {
  const { before, after } = stretch
  let { beforeFrom, beforeTo, afterFrom, afterTo } = stretch
  while (
    beforeFrom < beforeTo &&
    afterFrom < afterTo &&
    before.charCodeAt(beforeFrom) === after.charCodeAt(afterFrom)
  ) {
    beforeFrom++
    afterFrom++
  }
  while (
    beforeFrom < beforeTo &&
    afterFrom < afterTo &&
    before.charCodeAt(beforeTo - 1) === after.charCodeAt(afterTo - 1)
  ) {
    beforeTo--
    afterTo--
  }
  return { before, beforeFrom, beforeTo, after, afterFrom, afterTo }
}

function byCharacter(stretch: Stretch, ranges: Range[]): void {
  const parts = diff(
    stretch.before.slice(stretch.beforeFrom, stretch.beforeTo),
    stretch.after.slice(stretch.afterFrom, stretch.afterTo),
  )
  let beforeAt = stretch.beforeFrom
  let afterAt = stretch.afterFrom
  for (const [kind, text] of parts) {
    const beforeTo = beforeAt + (kind === diff.INSERT ? 0 : text.length)
    const afterTo = afterAt + (kind === diff.DELETE ? 0 : text.length)
    if (kind !== diff.EQUAL) ranges.push({ beforeFrom: beforeAt, beforeTo, afterFrom: afterAt, afterTo })
    beforeAt = beforeTo
    afterAt = afterTo
  }
}

interface Anchor {
  readonly before: number
  readonly after: number
  readonly length: number
}

/** Lines that occur once on each side, as the longest run that is in the same order on both. */
function commonUniqueLines(stretch: Stretch): Anchor[] {
  const before = uniqueLines(stretch.before, stretch.beforeFrom, stretch.beforeTo)
  const after = uniqueLines(stretch.after, stretch.afterFrom, stretch.afterTo)
  const pairs: Anchor[] = []
  for (const [line, at] of before) {
    const other = after.get(line)
    // Maps keep the order of insertion, so pairs come in the order of `before`.
    if (at >= 0 && other !== undefined && other >= 0) pairs.push({ before: at, after: other, length: line.length })
  }
  return longestAscending(pairs)
}

/** Line with its break → where it begins, or -1 when it occurs again. */
function uniqueLines(text: string, from: number, to: number): Map<string, number> {
  const lines = new Map<string, number>()
  let at = from
  while (at < to) {
    const found = text.indexOf("\n", at)
    const end = found === -1 || found >= to ? to : found + 1
    const line = text.slice(at, end)
    lines.set(line, lines.has(line) ? -1 : at)
    at = end
  }
  return lines
}

/** Longest subsequence with ascending `after` (patience sorting with back-links). */
function longestAscending(pairs: readonly Anchor[]): Anchor[] {
  const tops: number[] = []
  const previous = new Int32Array(pairs.length).fill(-1)
  for (const [index, pair] of pairs.entries()) {
    let low = 0
    let high = tops.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (pairs[tops[middle]!]!.after < pair.after) low = middle + 1
      else high = middle
    }
    if (low > 0) previous[index] = tops[low - 1]!
    tops[low] = index
  }
  const run: Anchor[] = []
  for (let index = tops.at(-1) ?? -1; index !== -1; index = previous[index]!) run.push(pairs[index]!)
  return run.reverse()
}

/**
 * Ranges as edits: those that would cut a surrogate pair in two (on either side) are widened by the unit they share with
 * their neighbourhood, and those that touch are joined, before and after.
 */
function editsOf(ranges: readonly Range[], before: string, after: string): Edit[] {
  const whole = joined(ranges).map(range => {
    const atStart = splitsPair(before, range.beforeFrom) || splitsPair(after, range.afterFrom) ? 1 : 0
    const atEnd = splitsPair(before, range.beforeTo) || splitsPair(after, range.afterTo) ? 1 : 0
    return {
      beforeFrom: range.beforeFrom - atStart,
      beforeTo: range.beforeTo + atEnd,
      afterFrom: range.afterFrom - atStart,
      afterTo: range.afterTo + atEnd,
    }
  })
  return joined(whole).map(({ beforeFrom, beforeTo, afterFrom, afterTo }) => ({
    at: beforeFrom,
    remove: beforeTo - beforeFrom,
    insert: after.slice(afterFrom, afterTo),
  }))
}

function joined(ranges: readonly Range[]): Range[] {
  const result: { -readonly [key in keyof Range]: Range[key] }[] = []
  for (const range of ranges) {
    const last = result.at(-1)
    if (last !== undefined && range.beforeFrom <= last.beforeTo) {
      last.beforeTo = Math.max(last.beforeTo, range.beforeTo)
      last.afterTo = Math.max(last.afterTo, range.afterTo)
    } else result.push({ ...range })
  }
  return result
}

function splitsPair(text: string, at: number): boolean {
  if (at <= 0 || at >= text.length) return false
  return (text.charCodeAt(at - 1) & 0xfc00) === 0xd800 && (text.charCodeAt(at) & 0xfc00) === 0xdc00
}

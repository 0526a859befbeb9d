/** What every fault test holds its receivers to. */
import { expect } from "vitest"
import type { StreamReport, Told } from "./endpoint-process.ts"

/** All numbers from the first to `last`, once and in order. */
export function expectWhole(stream: StreamReport, last: number): void {
  expect(stream).toMatchObject({ last, again: 0, holes: [] })
  expect(stream.count).toBe(last - stream.first! + 1)
}

/** Every hole was told of: a gap event on that topic and origin covers it (event numbers are origin sequences). */
export function expectHolesTold(stream: StreamReport, gaps: readonly Told[]): void {
  for (const [from, through] of stream.holes) {
    const told = gaps.some(
      gap =>
        gap.topic === stream.topic &&
        (gap.origin === undefined || gap.origin === stream.origin) &&
        (gap.from as number) <= from &&
        (gap.through as number) >= through,
    )
    expect(told, `hole ${from}–${through} of ${stream.topic} without a gap event`).toBe(true)
  }
}

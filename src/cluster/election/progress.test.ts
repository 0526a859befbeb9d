import { describe, expect, it } from "vitest"
import { Progress } from "./progress.ts"

describe("Progress", () => {
  it("goes back once for all that was under way when something was lost", () => {
    const progress = new Progress(1)
    progress.matchedTo(10)
    progress.next = 75
    // 64 messages were sent at 100 to 163; the one at 101 was lost, so each later one is answered with "I end with 11".
    const goesBack = Array.from({ length: 62 }, (_, i) => progress.mismatched(11, 102 + i, 170 + i))
    expect(goesBack.filter(Boolean)).toHaveLength(1)
    expect(progress.next).toBe(12)
    expect(progress.probing).toBe(true)
    progress.matchedTo(12)
    expect(progress.probing).toBe(false)
    expect(progress.next).toBe(13)
  })

  it("looks ever lower for a common place, down to what is known to match", () => {
    const progress = new Progress(20)
    expect(progress.mismatched(30, 1, 2)).toBe(true)
    expect(progress.next).toBe(19)
    expect(progress.mismatched(4, 2, 3)).toBe(true)
    expect(progress.next).toBe(5)
    progress.matchedTo(4)
    expect(progress.mismatched(1, 3, 4)).toBe(false)
  })

  it("counts what is under way from what a new root supposes, until it hears otherwise", () => {
    const progress = new Progress(5001)
    expect(progress.base).toBe(5000)
    progress.next = 5003
    progress.beat()
    progress.beat()
    expect(progress.next).toBe(5001)
    expect(progress.mismatched(4000, 1, 2)).toBe(true)
    expect(progress.base).toBe(4000)
    progress.matchedTo(4500)
    expect(progress.base).toBe(4500)
  })

  it("goes back ever further where its copy ends with what nobody else has, also when probes carry entries", () => {
    const progress = new Progress(219)
    const tried: number[] = []
    for (let at = 1; progress.next > 130; at++) {
      progress.next += 5
      expect(progress.mismatched(206, at, at)).toBe(true)
      tried.push(progress.next)
    }
    expect(tried).toEqual([207, 206, 204, 200, 192, 176, 144, 80])
    progress.matchedTo(300)
    expect(progress.mismatched(299, 20, 20)).toBe(false)
  })

  it("sends again what has not arrived within a heartbeat", () => {
    const progress = new Progress(1)
    progress.next = 6
    progress.beat()
    progress.matchedTo(2)
    progress.beat()
    expect(progress.next).toBe(6)
    progress.beat()
    expect(progress.next).toBe(3)
  })
})

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

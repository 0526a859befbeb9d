import { describe, expect, it } from "vitest"
import { MarkTrack } from "./mark-track.ts"

/** A track after a baseline that stands for marks up to 3 and publish number 30. */
function begun(): MarkTrack {
  const track = new MarkTrack()
  track.begin(3, 30)
  return track
}

describe("MarkTrack", () => {
  it("takes no mark for news before a baseline, nor one that the baseline stands for", () => {
    const track = new MarkTrack()
    expect([track.isUnset, track.isNew(4)]).toEqual([true, false])
    track.begin(3, 30)
    expect([track.isUnset, track.isNew(3), track.isNew(4), track.verified]).toEqual([false, false, true, 30])
  })

  it("is certain as far as marks came without a hole", () => {
    const track = begun()
    track.take(5, 50)
    track.take(6, 60)
    expect(track.verified).toBe(30)
    track.take(4, 40)
    expect([track.verified, track.isNew(6), track.isNew(7)]).toEqual([60, false, true])
  })

  it("a conflated mark stands for those before it", () => {
    const track = begun()
    track.cover(9)
    track.take(9, 90)
    expect([track.verified, track.isNew(8)]).toEqual([90, false])
  })

  it("a new link knows what was certain, and waits for its baseline", () => {
    const track = begun()
    track.take(5, 50)
    track.unset()
    expect([track.isUnset, track.isNew(6), track.verified]).toEqual([true, false, 30])
    track.begin(4, 20)
    // Mark 5 of the old link is forgotten.
    expect([track.verified, track.isNew(5)]).toEqual([20, true])
  })

  it("remembers the highest mark that came until the host numbers anew", () => {
    const track = new MarkTrack()
    track.see(7)
    track.see(2)
    track.begin(1, 1)
    track.unset()
    expect(track.seen).toBe(7)
    track.forgetSeen()
    expect(track.seen).toBe(0)
  })

  it("keeps no more than 1024 marks that came too early; the first of them make room", () => {
    const track = begun()
    for (let mark = 5; mark < 5 + 1025; mark++) track.take(mark, mark)
    track.take(4, 4)
    expect(track.isNew(5)).toBe(true)
    track.take(5, 500)
    expect([track.isNew(1029), track.verified]).toEqual([false, 1029])
  })
})

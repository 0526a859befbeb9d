import { describe, expect, it } from "vitest"
import { Frame } from "./frame.ts"
import { Offer, parkedBytesMax, parkedFramesMax, parkedLinkBytesMax, Stream } from "./stream.ts"

const frame = (bytes = 10) => Frame.over(new Uint8Array(bytes), new Uint8Array(0))
const releaseAll = (stream: Stream<string>) => {
  let count = 0
  while (stream.release() !== undefined) count++
  return count
}

describe("A stream (L5)", () => {
  it("delivers the next, parks later ones, and knows lower ones and parked ones as duplicates", () => {
    const stream = new Stream("o", 5)
    expect(stream.offer(5)).toBe(Offer.Deliver)
    expect(stream.offer(7)).toBe(Offer.Park)
    stream.park(7, frame(), 0)
    expect(stream.offer(7)).toBe(Offer.Duplicate)
    expect(stream.offer(4)).toBe(Offer.Duplicate)
    expect(stream.offer(6)).toBe(Offer.Deliver)
    expect(releaseAll(stream)).toBe(1)
    expect(stream.next).toBe(8)
    expect(stream.first).toBe(5)
  })

  it("overflows by count, by octets, and by what all streams of the link have parked", () => {
    const byCount = new Stream("o", 1)
    for (let n = 0; n < parkedFramesMax; n++) byCount.park(3 + n, frame(), 0)
    expect(byCount.offer(1000)).toBe(Offer.Overflow)
    const byOctets = new Stream("o", 1)
    byOctets.park(3, frame(parkedBytesMax), 0)
    expect(byOctets.offer(4)).toBe(Offer.Overflow)
    const total = { bytes: 0 }
    const streams = Array.from({ length: 9 }, () => new Stream("o", 1, false, total))
    for (const stream of streams.slice(0, 8)) stream.park(3, frame(parkedLinkBytesMax / 8), 0)
    expect(streams[8]!.offer(3)).toBe(Offer.Overflow)
    streams[0]!.clear()
    expect(streams[8]!.offer(3)).toBe(Offer.Park)
    expect(total.bytes).toBe((parkedLinkBytesMax / 8) * 7)
  })

  it("gives up on what is missing before the lowest parked", () => {
    const stream = new Stream("o", 1)
    expect(stream.skip()).toBeUndefined()
    for (const number of [9, 4, 5]) stream.park(number, frame(), number)
    expect(stream.skip()).toEqual({ from: 1, through: 3 })
    expect(releaseAll(stream)).toBe(2)
    expect(stream.next).toBe(6)
    expect(stream.parkedAt).toBe(9)
    expect(stream.skip()).toEqual({ from: 6, through: 8 })
    expect(releaseAll(stream)).toBe(1)
    expect(stream.parkedBytes).toBe(0)
  })

  it("a floating one parks all, for an earlier one may still come", () => {
    const stream = new Stream("o", 1, true)
    expect(stream.offer(1)).toBe(Offer.Park)
    stream.park(1, frame(), 0)
    expect(stream.release()).toBeDefined()
  })

  it("forgets what was parked below where it is advanced to", () => {
    const stream = new Stream("o", 1)
    for (const number of [3, 4, 8]) stream.park(number, frame(), 0)
    stream.advanceTo(5)
    expect(stream.parked).toBe(1)
    expect(stream.lowestParked()).toBe(8)
    stream.advanceTo(2)
    expect(stream.next).toBe(5)
  })

  it("does not keep what was parked before its turn and comes again when it is next: it would go back to it", () => {
    const total = { bytes: 0 }
    const stream = new Stream("o", 5, false, total)
    // As while a repair is awaited that may bring earlier ones.
    for (const number of [5, 6]) stream.park(number, frame(), 0)
    expect(stream.offer(5)).toBe(Offer.Deliver)
    expect(releaseAll(stream)).toBe(1)
    expect([stream.next, stream.parked, stream.lowestParked(), total.bytes]).toEqual([7, 0, undefined, 0])
    expect(stream.skip()).toBeUndefined()
    expect(stream.next).toBe(7)
  })

  it("with no room keeps the lowest and gives back what found none", () => {
    const stream = new Stream("o", 1)
    for (let n = 0; n < parkedFramesMax; n++) stream.park(10 + n, frame(), 0)
    const high = frame()
    expect(stream.displace(2000, high, 0)).toEqual([high])
    const displaced = stream.displace(5, frame(), 0)
    expect(displaced.length).toBe(1)
    expect(stream.lowestParked()).toBe(5)
    expect(stream.parked).toBe(parkedFramesMax)
  })

  it("taken in any order remembers holes, and welcomes those that come late once", () => {
    const stream = new Stream("o", 1)
    expect(stream.offerUnordered(1)).toBe(Offer.Deliver)
    expect(stream.offerUnordered(4)).toBe(Offer.Deliver)
    expect(stream.offerUnordered(2)).toBe(Offer.Deliver)
    expect(stream.offerUnordered(2)).toBe(Offer.Duplicate)
    expect(stream.offerUnordered(4)).toBe(Offer.Duplicate)
    expect(stream.offerUnordered(3)).toBe(Offer.Deliver)
  })
})

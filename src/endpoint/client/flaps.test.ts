import { describe, expect, it } from "vitest"
import { Flaps } from "./flaps.ts"

describe("Flaps", () => {
  it("counts links to one address that end soon, one after the other", () => {
    const flaps = new Flaps()
    expect([flaps.ended("a", 10), flaps.ended("a", 999), flaps.ended("a", 0)]).toEqual([1, 2, 3])
    expect(flaps.ended("a", 1000)).toBe(0)
    expect(flaps.ended("a", 10)).toBe(1)
  })

  it("does not count against one host what others did", () => {
    const flaps = new Flaps()
    expect([..."abcabc"].map(address => flaps.ended(address, 10))).toEqual([1, 1, 1, 2, 2, 2])
  })

  it("forgets the address that was lost longest ago when there are too many", () => {
    const flaps = new Flaps()
    flaps.ended("first", 10)
    for (let i = 0; i < 32; i++) flaps.ended(`other ${i}`, 10)
    expect(flaps.ended("first", 10)).toBe(1)
    expect(flaps.ended("other 31", 10)).toBe(2)
  })
})

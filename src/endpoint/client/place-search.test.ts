import { describe, expect, it } from "vitest"
import { PlaceSearch, redirectsMax } from "./place-search.ts"

describe("PlaceSearch", () => {
  it("goes down one branch before it tries the next, and tries nobody twice", () => {
    const search = new PlaceSearch("root")
    expect(search.next()).toBe("root")
    search.sentOn(["a", "b"])
    expect([search.next(), search.hops]).toEqual(["a", 1])
    search.sentOn(["aa", "root", "ab"])
    expect([search.next(), search.hops]).toEqual(["aa", 2])
    search.failed(true)
    expect([search.next(), search.hops]).toEqual(["ab", 2])
    search.failed(true)
    expect([search.next(), search.hops]).toEqual(["b", 1])
    search.failed(true)
    expect(search.next()).toBeUndefined()
    expect(search.isStranded).toBe(false)
  })

  it("follows so many hosts that send it on, and no more", () => {
    const search = new PlaceSearch("0")
    for (let hop = 0; hop <= redirectsMax; hop++) {
      expect(search.next()).toBe(String(hop))
      search.sentOn([String(hop + 1)])
    }
    expect(search.next()).toBeUndefined()
  })

  it("offers a choice of two that were named together, and takes the one preferred", () => {
    const search = new PlaceSearch("root")
    search.next()
    search.sentOn(["a", "b", "c"])
    expect(search.choice).toEqual(["a", "b"])
    search.prefer("b")
    expect(search.next()).toBe("b")
    search.failed(true)
    expect(search.next()).toBe("a")
  })

  it("is stranded when nobody it was sent on to can be reached", () => {
    const search = new PlaceSearch("root")
    search.next()
    search.sentOn(["a", "b", "c"])
    search.lost("a")
    search.lost("b")
    expect(search.next()).toBe("c")
    search.failed(false)
    expect([search.next(), search.isStranded]).toEqual([undefined, true])
  })
})

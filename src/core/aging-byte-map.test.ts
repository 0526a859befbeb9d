import { describe, expect, it } from "vitest"
import { AgingByteMap } from "./aging-byte-map.ts"
import { utf8 } from "./bytes.ts"

describe("AgingByteMap", () => {
  it("keeps what was set or asked for last, and forgets the rest", () => {
    const map = new AgingByteMap<number>(100)
    for (let n = 0; n < 10_000; n++) {
      map.set(utf8(`key ${n}`), n)
      expect(map.get(utf8("a favourite key 0"), 12)).toBe(0)
    }
    expect(map.size).toBeLessThanOrEqual(200)
    expect(map.get(utf8("key 1"))).toBeUndefined()
    for (let n = 9_901; n < 10_000; n++) expect(map.get(utf8(`key ${n}`))).toBe(n)
  })

  it("has each key once, with its last value", () => {
    const map = new AgingByteMap<string>(4)
    for (const key of ["a", "b", "c", "d", "e"]) map.set(utf8(key), `${key}1`)
    map.set(utf8("a"), "a2")
    map.get(utf8("b"))
    expect([...map.values()].sort()).toEqual(["a2", "b1", "c1", "d1", "e1"])
    expect(map.size).toBe(5)
    map.clear()
    expect([...map.values()]).toEqual([])
    expect(map.get(utf8("a"))).toBeUndefined()
  })
})

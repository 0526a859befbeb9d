import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fromZ85, toZ85 } from "./z85.ts"

describe("Z85", () => {
  it("writes and reads the example of rfc:32", () => {
    const bytes = Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b)
    expect(toZ85(bytes)).toBe("HelloWorld")
    expect(fromZ85("HelloWorld")).toEqual(bytes)
  })

  it("reads back whatever it writes", () => {
    const fours = fc.uint8Array({ maxLength: 40 }).map(bytes => bytes.slice(0, bytes.length & ~3))
    fc.assert(
      fc.property(fours, bytes => {
        expect(fromZ85(toZ85(bytes))).toEqual(bytes)
      }),
    )
  })

  it("refuses other lengths, strange characters, and numbers beyond four octets, without repeating the text", () => {
    expect(() => toZ85(new Uint8Array(5))).toThrow(expect.objectContaining({ code: "BadOption" }))
    for (const text of ["abcd", 'ab"cd', "%nSc1", "#####", "äbcde"]) {
      expect(() => fromZ85(text), text).toThrow(expect.objectContaining({ code: "BadOption" }))
      expect(() => fromZ85(text)).toThrow(expect.not.objectContaining({ message: expect.stringContaining(text) }))
    }
  })
})

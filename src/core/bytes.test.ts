import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  concat,
  equalBytes,
  fromHex,
  fromUtf8,
  readU16,
  readU32,
  readU64,
  startsWith,
  toHex,
  utf8,
  utf8Prefix,
  writeU16,
  writeU32,
  writeU64,
} from "./bytes.ts"

describe("Bytes", () => {
  it("write numbers big-endian and read them back, touching nothing beside them", () => {
    const write = (size: number, value: number, how: (bytes: Uint8Array, at: number, value: number) => void) => {
      const bytes = new Uint8Array(size + 2).fill(0xee)
      how(bytes, 1, value)
      return toHex(bytes)
    }
    expect(write(2, 0xa1b2, writeU16)).toBe("eea1b2ee")
    expect(write(4, 0xa1b2c3d4, writeU32)).toBe("eea1b2c3d4ee")
    expect(write(8, Number.MAX_SAFE_INTEGER, writeU64)).toBe("ee001fffffffffffffee")
    expect(write(8, 0x1_0000_0001, writeU64)).toBe("ee0000000100000001ee")
    const bytes = new Uint8Array(10)
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.maxSafeNat(),
        (a, b, c) => {
          writeU16(bytes, 1, a)
          expect(readU16(bytes, 1)).toBe(a)
          writeU32(bytes, 1, b)
          expect(readU32(bytes, 1)).toBe(b)
          writeU64(bytes, 1, c)
          expect(readU64(bytes, 1)).toBe(c)
        },
      ),
    )
  })

  it("become text and come back, byte order mark included", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), text => {
        expect(fromUtf8(utf8(text))).toBe(text)
      }),
    )
    expect(fromUtf8(utf8("\ufeffa"))).toBe("\ufeffa")
    for (const [most, prefix] of [
      [0, ""],
      [1, "a"],
      [2, "a"],
      [3, "aé"],
      [6, "aé"],
      [7, "aé😀"],
      [8, "aé😀b"],
      [99, "aé😀b"],
    ] as const)
      expect(utf8Prefix("aé😀b", most)).toBe(prefix)
  })

  it("that are not UTF-8 are refused with BadFrame", () => {
    for (const hex of ["ff", "c3", "eda080", "f8888080"])
      expect(() => fromUtf8(fromHex(hex))).toThrow(expect.objectContaining({ code: "BadFrame" }))
  })

  it("become hex and come back, blanks aside", () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        expect(fromHex(toHex(bytes))).toEqual(bytes)
      }),
    )
    expect(fromHex(" 0a\nFF ")).toEqual(new Uint8Array([10, 255]))
    for (const text of ["0", "0g", "0x10"])
      expect(() => fromHex(text)).toThrow(expect.objectContaining({ code: "BadOption" }))
  })

  it("are joined, compared and matched as lists are", () => {
    const some = fc.uint8Array({ max: 2, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(some), some, some, (parts, a, b) => {
        expect([...concat(parts)]).toEqual(parts.flatMap(part => [...part]))
        expect(equalBytes(a, b)).toBe(toHex(a) === toHex(b))
        expect(startsWith(a, b)).toBe(toHex(a).startsWith(toHex(b)))
      }),
    )
  })
})

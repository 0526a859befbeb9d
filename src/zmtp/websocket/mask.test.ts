import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { applyMask } from "./mask.ts"

describe("applyMask", () => {
  it("combines each octet with the next of the key's four, wherever it lies and however long it is", () => {
    const place = fc.nat({ max: 9 })
    const key = fc.uint8Array({ minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        place,
        place,
        key,
        fc.nat({ max: 3 }),
        (octets, away, start, key, phase) => {
          // A view that begins anywhere in its memory, with neighbours that stay as they are.
          const bytes = new Uint8Array(away + start + octets.length + 7).fill(0xaa).subarray(away)
          bytes.set(octets, start)
          const wanted = new Uint8Array(bytes)
          octets.forEach((octet, i) => {
            wanted[start + i] = octet ^ key[(phase + i) & 3]!
          })
          applyMask(bytes, start, start + octets.length, key, phase)
          expect(bytes).toEqual(wanted)
        },
      ),
    )
  })
})

import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type EndpointId, endpointIdFromBytes, endpointIdToBytes, isEndpointId, newEndpointId } from "./id.ts"
import { SeededRandom } from "./random.ts"

describe("EndpointId", () => {
  it("is a version 4 UUID in lower case, and new each time", () => {
    const random = new SeededRandom(5)
    const ids = Array.from({ length: 200 }, () => newEndpointId(random))
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(new Set(ids).size).toBe(200)
  })

  it("comes out of its octets as it went in, also from the middle of others", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.uint8Array({ maxLength: 9 }),
        (octets, before) => {
          const id = endpointIdFromBytes(new Uint8Array([...before, ...octets, 1, 2]), before.length)
          expect(isEndpointId(id)).toBe(true)
          expect(endpointIdToBytes(id)).toEqual(octets)
        },
      ),
    )
  })

  it("refuses text that is none", () => {
    const good = "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0"
    expect(isEndpointId(good)).toBe(true)
    for (const text of [
      "",
      "hub",
      good.toUpperCase(),
      good.slice(1),
      `${good}0`,
      good.replaceAll("-", ""),
      ` ${good}`,
    ]) {
      expect(isEndpointId(text)).toBe(false)
      expect(() => endpointIdToBytes(text as EndpointId)).toThrow(expect.objectContaining({ code: "BadOption" }))
    }
  })
})

import { describe, expect, it } from "vitest"
import { endpointIdToBytes, isEndpointId, newEndpointId } from "../core/id.ts"
import { SeededRandom } from "../core/random.ts"
import { isProven, newOwnId } from "./own-id.ts"

describe("An endpoint's own id", () => {
  const random = new SeededRandom(1)

  it("is proven by its own secret, and by no other", () => {
    const [mine, yours] = [newOwnId(random), newOwnId(random)]
    expect([isEndpointId(mine.id), mine.id[14]]).toEqual([true, "8"])
    const id = endpointIdToBytes(mine.id)
    expect(isProven(id, mine.secret)).toBe(true)
    for (const secret of [yours.secret, new Uint8Array(0), new Uint8Array(16), mine.secret.subarray(1), id])
      expect(isProven(id, secret)).toBe(false)
    for (let bit = 0; bit < 128; bit++) {
      // The six bits that every such id has are not of the secret.
      if ((bit >= 48 && bit < 52) || bit === 64 || bit === 65) continue
      const other = id.slice()
      other[bit >> 3]! ^= 0x80 >> (bit & 7)
      expect(isProven(other, mine.secret)).toBe(false)
    }
  })

  it("is made of its secret as the protocol's page says", () => {
    const secret = Uint8Array.from({ length: 16 }, (_, at) => at)
    expect(newOwnId({ bytes: () => secret } as unknown as SeededRandom).id).toBe("be45cb26-05bf-86be-bde6-84841a28f0fd")
  })

  it("needs no proof where it is of another version", () => {
    expect(isProven(endpointIdToBytes(newEndpointId(random)), new Uint8Array(0))).toBe(true)
  })
})

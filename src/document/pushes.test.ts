import { describe, expect, it } from "vitest"
import { newEndpointId } from "../core/id.ts"
import { SeededRandom } from "../core/random.ts"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { Pushes, type PushPiece } from "./pushes.ts"

const random = new SeededRandom(3)
const [one, other] = [newEndpointId(random), newEndpointId(random)]
const piece = (changes: Partial<PushPiece>): PushPiece => ({
  name: "notes",
  transfer: 1n,
  size: 4n,
  offset: 0n,
  piece: new Uint8Array([1, 2]),
  ...changes,
})
const last = { offset: 2n, piece: new Uint8Array([3, 4]) }
const code = (expected: string) => expect.objectContaining({ code: expected })

describe("Pushes", () => {
  it("puts the pieces of each sender together", () => {
    const pushes = new Pushes(new SimulatedClock(), 100)
    expect(pushes.add(one, piece({}))).toBeUndefined()
    expect(pushes.add(other, piece({ piece: new Uint8Array([9, 9]) }))).toBeUndefined()
    expect(pushes.under("notes")).toBe(true)
    expect(pushes.add(one, piece(last))).toEqual(new Uint8Array([1, 2, 3, 4]))
    expect(pushes.add(other, piece(last))).toEqual(new Uint8Array([9, 9, 3, 4]))
    expect(pushes.under("notes")).toBe(false)
  })

  it("begins anew with a first piece", () => {
    const pushes = new Pushes(new SimulatedClock(), 100)
    pushes.add(one, piece({}))
    pushes.add(one, piece({ piece: new Uint8Array([7, 7]) }))
    expect(pushes.add(one, piece(last))).toEqual(new Uint8Array([7, 7, 3, 4]))
  })

  it.each([
    ["a piece out of turn", piece({ offset: 1n }), "BadFrame"],
    ["a piece of another document", piece({ ...last, name: "others" }), "BadFrame"],
    ["another size than at first", piece({ ...last, size: 5n }), "BadFrame"],
    ["an empty piece", piece({ offset: 2n, piece: new Uint8Array(0) }), "BadFrame"],
    ["a piece beyond the end", piece({ offset: 2n, piece: new Uint8Array(3) }), "BadFrame"],
    ["more than a document may have", piece({ size: 101n }), "TooLarge"],
    ["a size beyond all numbers", piece({ size: 2n ** 64n - 1n }), "TooLarge"],
  ])("refuses %s", (_, bad, expected) => {
    const pushes = new Pushes(new SimulatedClock(), 100)
    pushes.add(one, piece({}))
    expect(() => pushes.add(one, bad)).toThrow(code(expected))
  })

  it("holds at most twice the limit, counted when a push begins, and says when to try again", () => {
    const pushes = new Pushes(new SimulatedClock(), 100)
    pushes.add(one, piece({ transfer: 1n, size: 100n }))
    pushes.add(one, piece({ transfer: 2n, size: 100n }))
    expect(() => pushes.add(one, piece({ transfer: 3n }))).toThrow(
      expect.objectContaining({ code: "Full", retryAfterMs: 500 }),
    )
  })

  it("drops what nobody continues", () => {
    const clock = new SimulatedClock()
    const pushes = new Pushes(clock, 100)
    pushes.add(one, piece({}))
    clock.advance(10_001)
    expect(pushes.under("notes")).toBe(false)
    expect(() => pushes.add(one, piece(last))).toThrow(code("BadFrame"))
  })
})

import { describe, expect, it } from "vitest"
import { PendingSyncs } from "./pending-syncs.ts"

const numbers = (syncs: PendingSyncs) => syncs.take().map(each => each.number)

describe("PendingSyncs", () => {
  it("answers a SYNC once, when both it and its subscription have come, in whichever order", () => {
    const syncs = new PendingSyncs()
    syncs.asked(1, [])
    expect(numbers(syncs)).toEqual([])
    syncs.seen(2)
    expect(numbers(syncs)).toEqual([])
    syncs.seen(1)
    expect(numbers(syncs)).toEqual([1])
    syncs.asked(2, [])
    expect(numbers(syncs)).toEqual([2])
    syncs.seen(2)
    expect(numbers(syncs)).toEqual([])
  })

  it("forgets the oldest of too many that have but one half", () => {
    const syncs = new PendingSyncs()
    for (let number = 1; number <= 65; number++) {
      syncs.asked(number, [])
      syncs.take()
    }
    for (let number = 1; number <= 65; number++) syncs.seen(number)
    expect(numbers(syncs)).toEqual(Array.from({ length: 64 }, (_, i) => i + 2))
  })
})

import { describe, expect, it } from "vitest"
import { HeldMessages } from "./held-messages.ts"

const message = (number: number, octets = 10) => ({
  number,
  header: new Uint8Array(10),
  payload: new Uint8Array(octets).fill(number),
})

describe("HeldMessages", () => {
  it("keeps copies, until their receiver is known to have them", () => {
    const held = new HeldMessages()
    const link = { directSure: 1 }
    const lent = message(2)
    for (const each of [message(1), lent, message(3)]) held.hold(link, each)
    lent.payload.fill(9)
    expect(held.of(link).map(({ payload }) => payload[0])).toEqual([2, 3])
    link.directSure = 2
    held.tick()
    expect(held.of(link).map(({ number }) => number)).toEqual([3])
    expect(held.bytes).toBe(20)
  })

  it("keeps 1,024 for one and 8 MiB for all, and has room again when the first have come", () => {
    const held = new HeldMessages()
    const [busy, other] = [{ directSure: 0 }, { directSure: 0 }]
    for (let number = 1; number <= 2000; number++) held.hold(busy, message(number))
    expect(held.of(busy)).toHaveLength(1024)
    busy.directSure = 1000
    held.hold(busy, message(2001))
    expect(held.of(busy).at(-1)!.number).toBe(2001)
    for (let number = 1; number <= 10; number++) held.hold(other, message(number, 1024 * 1024))
    expect(held.bytes).toBeLessThanOrEqual(8 * 1024 * 1024)
    expect(held.of(other).length).toBeGreaterThan(6)
  })

  it("forgets one whose session is over", () => {
    const held = new HeldMessages()
    const link = { directSure: 0 }
    held.hold(link, message(1))
    held.forget(link)
    expect(held.of(link)).toEqual([])
    expect(held.bytes).toBe(0)
  })
})

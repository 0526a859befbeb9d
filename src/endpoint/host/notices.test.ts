import { describe, expect, it } from "vitest"
import { type NoticeBody, Notices } from "./notices.ts"

const undeliverable = (sequence: number): NoticeBody => ({
  case: "undeliverable",
  value: { target: new Uint8Array(16), sequence: BigInt(sequence), code: "NoSuchEndpoint" },
})
const denied: NoticeBody = { case: "denied", value: { topic: new Uint8Array([0x6e, 0x61, 0]), code: "Unauthorized" } }

/** A client that takes as many notices as it is said to. */
function scene(room = Number.POSITIVE_INFINITY) {
  const notices = new Notices()
  const sent: number[] = []
  const wire = { room }
  const flush = (heartbeat: number) =>
    notices.flush(heartbeat, body => {
      if (wire.room-- <= 0) return false
      sent.push(Number(body.value.number))
      return true
    })
  return { notices, sent, wire, flush }
}

describe("Notices", () => {
  it("are numbered over both kinds, go out once and in order, and wait where they stop", () => {
    const { notices, sent, wire, flush } = scene(2)
    notices.add(1, undeliverable(1))
    notices.add(2, denied)
    notices.add(3, undeliverable(2))
    expect(flush(0)).toBe(false)
    expect(sent).toEqual([1, 2])
    notices.add(4, undeliverable(3))
    wire.room = 10
    expect(flush(0)).toBe(true)
    expect(flush(0)).toBe(true)
    expect(sent).toEqual([1, 2, 3, 4])
    expect(notices.unheard.undeliverable).toMatchObject([{ number: 1n }, { number: 3n }, { number: 4n }])
    expect(notices.unheard.denied).toMatchObject([{ number: 2n }])
  })

  it("are kept until a heartbeat that went out after them is answered", () => {
    const { notices, flush } = scene()
    notices.add(1, undeliverable(1))
    flush(7)
    notices.confirm(7)
    expect(notices.unheard.undeliverable).toHaveLength(1)
    notices.sentAgain(9)
    notices.confirm(9)
    expect(notices.unheard.undeliverable).toHaveLength(1)
    notices.add(2, undeliverable(2))
    notices.confirm(10)
    expect(notices.unheard.undeliverable, "what has not gone out cannot have come").toMatchObject([{ number: 2n }])
  })

  it("beyond 1,024 say how far nobody can be sure, until all that is kept has come", () => {
    const { notices, flush } = scene()
    let dropped = 0
    for (let n = 1; n <= 1030; n++) {
      notices.add(n, undeliverable(n), () => dropped++)
      flush(0)
    }
    expect(dropped).toBe(6)
    expect(notices.overflowed, "those had gone out").toBe(false)
    expect(notices.unheard.noticesLostThrough).toBe(6n)
    expect(notices.unheard.undeliverable).toHaveLength(1024)
    notices.confirm(1)
    expect(notices.unheard).toEqual({ undeliverable: [], denied: [], noticesLostThrough: 0n })
  })

  it("have overflowed when one was dropped that never went out, until an ACCEPT has said so", () => {
    const { notices } = scene()
    for (let n = 1; n <= 1025; n++) notices.add(n, undeliverable(n))
    expect(notices.overflowed).toBe(true)
    notices.sentAgain(1)
    expect(notices.overflowed).toBe(false)
    expect(notices.unheard.noticesLostThrough).toBe(1n)
  })
})

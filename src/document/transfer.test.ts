import { describe, expect, it } from "vitest"
import { concat } from "../core/bytes.ts"
import { newEndpointId } from "../core/id.ts"
import { silentLogger } from "../core/logger.ts"
import { SeededRandom } from "../core/random.ts"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { Offers, Transfers } from "./transfer.ts"
import { text } from "./yjs/text.ts"

const random = new SeededRandom(3)
const [one, other] = [newEndpointId(random), newEndpointId(random)]

function open(clock: SimulatedClock, state?: Uint8Array) {
  return text.open(state, { random, clock, logger: silentLogger })
}

/** A document with an author who can go on editing it. */
function edited(clock: SimulatedClock) {
  const author = open(clock)
  const replica = open(clock)
  const view = author.view({ state: "synchronized" } as never)
  const empty = replica.version()
  const edit = (words: string) => {
    view.insert(view.length, words)
    const fragment = author.gather()!
    author.settle()
    replica.apply([fragment])
    return fragment
  }
  return { replica, edit, empty }
}

describe("Offers", () => {
  it("encodes one state for all joiners and adds what changed since", () => {
    const clock = new SimulatedClock()
    const { replica, edit, empty } = edited(clock)
    edit("first ")
    const offers = new Offers(replica, clock, empty)
    const before = offers.for(empty)
    offers.extend([edit("second ")])
    offers.extend([edit("third")])
    const after = offers.for(empty)
    expect(offers.encodings).toBe(1)
    expect(after.fragments[0]).toBe(before.fragments[0])
    const joiner = open(clock)
    joiner.apply(after.fragments)
    expect(joiner.version()).toEqual(replica.version())
  })

  it("encodes anew when the tail has grown too long, or after a change that is not known as fragments", () => {
    const clock = new SimulatedClock()
    const { replica, edit, empty } = edited(clock)
    const offers = new Offers(replica, clock, empty)
    offers.for(empty)
    offers.extend([edit("x".repeat(300_000))])
    expect(offers.for(empty).fragments).toHaveLength(1)
    expect(offers.encodings).toBe(2)
    offers.forget()
    offers.for(empty)
    expect(offers.encodings).toBe(3)
  })

  it("lets go of what nobody asked for in five seconds", () => {
    const clock = new SimulatedClock()
    const { replica, edit, empty } = edited(clock)
    edit("a")
    const offers = new Offers(replica, clock, empty)
    offers.for(empty)
    clock.advance(4_000)
    offers.for(empty)
    expect(offers.encodings).toBe(1)
    clock.advance(20_000)
    offers.for(empty)
    expect(offers.encodings).toBe(2)
    offers.close()
    expect(clock.nextAt === undefined || clock.step()).toBe(true)
  })

  it("gives one difference to all that have the same version", () => {
    const clock = new SimulatedClock()
    const { replica, edit, empty } = edited(clock)
    edit("a")
    const at = replica.version()
    const offers = new Offers(replica, clock, empty)
    offers.extend([edit("b")])
    const [first] = offers.for(at).fragments
    expect(offers.for(at).fragments[0]).toBe(first)
    offers.extend([edit("c")])
    expect(offers.for(at).fragments[0]).not.toBe(first)
    expect(offers.for(replica.version()).fragments).toEqual([])
  })
})

describe("Transfers", () => {
  const fragments = [new Uint8Array([1, 2, 3]), new Uint8Array([4]), new Uint8Array([5, 6, 7, 8])]

  it("lays the fragments end to end, whatever the pieces", () => {
    for (let length = 1; length <= 9; length++) {
      const transfers = new Transfers(new SimulatedClock())
      const id = transfers.open(one, fragments)
      const pieces: Uint8Array[] = []
      for (let at = 0; at < 8; at += length) pieces.push(transfers.read(id, one, at, length))
      expect([...concat(pieces)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
      transfers.close()
    }
  })

  it("copies nothing of a piece that lies within one fragment", () => {
    const transfers = new Transfers(new SimulatedClock())
    const id = transfers.open(one, fragments)
    expect(transfers.read(id, one, 4, 3).buffer).toBe(fragments[2]!.buffer)
  })

  it("gives nothing to others, beyond the end, or of what is no more", () => {
    const clock = new SimulatedClock()
    const transfers = new Transfers(clock, 1_000, 2)
    const id = transfers.open(one, fragments)
    expect(transfers.read(id, other, 0, 3)).toHaveLength(0)
    expect(transfers.read(id, one, 8, 3)).toHaveLength(0)
    expect(transfers.read(99n, one, 0, 3)).toHaveLength(0)
    transfers.open(one, fragments)
    transfers.open(one, fragments)
    expect(transfers.size).toBe(2)
    expect(transfers.read(id, one, 0, 3), "the oldest made room").toHaveLength(0)
    clock.advance(3_000)
    expect(transfers.size).toBe(0)
    expect(clock.nextAt).toBeUndefined()
  })

  it("holds a bounded number of octets, counts what is shared once, and refuses what is more for a while", () => {
    const clock = new SimulatedClock()
    const transfers = new Transfers(clock, 1_000, 100, 20)
    for (let i = 0; i < 10; i++) transfers.open(one, fragments)
    expect(transfers.bytes).toBe(8)
    transfers.open(other, [new Uint8Array(12)])
    expect(() => transfers.open(other, [new Uint8Array(1)])).toThrow(
      expect.objectContaining({ code: "Full", retryable: true }),
    )
    transfers.open(one, fragments)
    expect(transfers.bytes).toBe(20)
    clock.advance(3_000)
    expect(transfers.bytes).toBe(0)
    // One alone may be larger: it is what the asker must have.
    transfers.open(one, [new Uint8Array(30)])
    transfers.close()
    expect(transfers.bytes).toBe(0)
  })
})

import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BoundedQueue, FullPolicy } from "./bounded-queue.ts"

const filled = (whenFull: FullPolicy) => {
  const queue = new BoundedQueue<number>({ capacity: 3, whenFull })
  const taken = [1, 2, 3, 4, 5].map(item => queue.push(item))
  return { items: [...queue], taken, dropped: queue.dropped, size: queue.size, full: queue.full }
}

describe("BoundedQueue", () => {
  it("with reject refuses what is too much and counts nothing as dropped", () => {
    expect(filled(FullPolicy.Reject)).toEqual({
      items: [1, 2, 3],
      taken: [true, true, true, false, false],
      dropped: 0,
      size: 3,
      full: true,
    })
  })

  it("with dropOldest keeps the newest", () => {
    expect(filled(FullPolicy.DropOldest)).toEqual({
      items: [3, 4, 5],
      taken: [true, true, true, true, true],
      dropped: 2,
      size: 3,
      full: true,
    })
  })

  it("with dropNewest keeps the oldest", () => {
    expect(filled(FullPolicy.DropNewest)).toEqual({
      items: [1, 2, 3],
      taken: [true, true, true, false, false],
      dropped: 2,
      size: 3,
      full: true,
    })
  })

  it("behaves as a plain list with a cap, whatever is done to it", () => {
    // Mostly pushes, so that the ring grows, also when it does not begin at its first place.
    const step = fc.oneof(
      { weight: 12, arbitrary: fc.record({ push: fc.nat() }) },
      { weight: 6, arbitrary: fc.constant("shift" as const) },
      { weight: 1, arbitrary: fc.constant("clear" as const) },
    )
    const policy = fc.constantFrom(...Object.values(FullPolicy))
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70 }),
        policy,
        fc.array(step, { maxLength: 300, size: "max" }),
        (capacity, whenFull, steps) => {
          const queue = new BoundedQueue<number>({ capacity, whenFull })
          let list: number[] = []
          for (const step of steps) {
            if (step === "shift") expect(queue.shift()).toBe(list.shift())
            else if (step === "clear") {
              queue.clear()
              list = []
            } else {
              const room = list.length < capacity
              expect(queue.push(step.push)).toBe(room || whenFull === FullPolicy.DropOldest)
              if (room || whenFull === FullPolicy.DropOldest) list.push(step.push)
              if (list.length > capacity) list.shift()
            }
            expect(queue.size).toBe(list.length)
            expect(queue.peek()).toBe(list[0])
          }
          expect([...queue]).toEqual(list)
        },
      ),
    )
  })

  it("refuses a capacity that is no whole number above zero", () => {
    for (const capacity of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => new BoundedQueue({ capacity, whenFull: "reject" })).toThrow(
        expect.objectContaining({ code: "BadOption", message: expect.stringContaining(String(capacity)) }),
      )
    }
  })
})

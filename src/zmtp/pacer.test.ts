import { describe, expect, it } from "vitest"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { type Paced, Pacer, sliceBytes, turnBytes } from "./pacer.ts"

/** Somebody with so many octets, who notes what is taken. */
function speaker(name: string, bytes: number, log: string[]): Paced {
  let left = bytes
  return {
    get waits() {
      return left > 0
    },
    proceed(most) {
      const taken = Math.min(most, left)
      left -= taken
      log.push(`${name} ${taken}`)
      return taken
    },
  }
}

describe("Pacer", () => {
  it("takes slices of all in their order, and no more than a turn's worth in a turn", () => {
    const clock = new SimulatedClock()
    const pacer = new Pacer(clock)
    const log: string[] = []
    pacer.add(speaker("a", 3 * sliceBytes, log))
    pacer.add(speaker("b", sliceBytes + 1, log))
    expect(log).toEqual([])
    clock.step()
    expect(turnBytes).toBe(4 * sliceBytes)
    expect(log).toEqual([`a ${sliceBytes}`, `b ${sliceBytes}`, `a ${sliceBytes}`, "b 1", `a ${sliceBytes - 1}`])
    clock.step()
    expect(log.at(-1)).toBe("a 1")
    expect(clock.pending).toBe(0)
  })

  it("lets small things pass at once, until the turn's worth is used up, and nobody before those who wait", () => {
    const clock = new SimulatedClock()
    const pacer = new Pacer(clock)
    expect(pacer.admits(turnBytes)).toBe(true)
    expect(pacer.admits(1)).toBe(false)
    clock.step()
    expect(pacer.admits(1)).toBe(true)
    const log: string[] = []
    pacer.add(speaker("a", 10, log))
    expect(pacer.admits(1)).toBe(false)
    clock.step()
    expect(log).toEqual(["a 10"])
    expect(pacer.admits(1)).toBe(true)
  })

  it("goes on after somebody who throws", () => {
    const clock = new SimulatedClock()
    const pacer = new Pacer(clock)
    const log: string[] = []
    pacer.add({
      waits: true,
      proceed() {
        throw new Error("a handler's")
      },
    })
    pacer.add(speaker("b", 10, log))
    expect(() => clock.step()).toThrow("a handler's")
    clock.step()
    expect(log).toEqual(["b 10"])
  })
})

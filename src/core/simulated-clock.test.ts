import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { sleep } from "./clock.ts"
import { SimulatedClock } from "./simulated-clock.ts"

describe("SimulatedClock", () => {
  it("runs timers in the order of their time, and equal ones in the order they were set", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), delays => {
        const clock = new SimulatedClock()
        const ran: { delay: number; index: number }[] = []
        for (const [index, delay] of delays.entries()) clock.after(delay, () => ran.push({ delay, index }))
        clock.advance(20)
        const expected = delays
          .map((delay, index) => ({ delay, index }))
          .sort((a, b) => a.delay - b.delay || a.index - b.index)
        expect(ran).toEqual(expected)
        expect(clock.pending).toBe(0)
      }),
    )
  })

  it("stands still until it is advanced, and then at the end of the advance", () => {
    const clock = new SimulatedClock(100)
    const wall = clock.wall()
    expect(clock.now()).toBe(100)
    clock.advance(7.5)
    expect(clock.now()).toBe(107.5)
    expect(clock.wall() - wall).toBe(7.5)
  })

  it("shows each timer its own time, also when it sets another", () => {
    const clock = new SimulatedClock()
    const times: number[] = []
    clock.after(10, () => {
      times.push(clock.now())
      clock.after(5, () => times.push(clock.now()))
    })
    clock.after(12, () => times.push(clock.now()))
    clock.advance(15)
    expect(times).toEqual([10, 12, 15])
  })

  it("does not run what is due after the end", () => {
    const clock = new SimulatedClock()
    let ran = false
    clock.after(10.001, () => {
      ran = true
    })
    clock.advance(10)
    expect(ran).toBe(false)
    expect(clock.nextAt).toBe(10.001)
  })

  it("runs no cancelled timer, and cancelling again or late does nothing", () => {
    const clock = new SimulatedClock()
    const ran: string[] = []
    const first = clock.after(1, () => ran.push("first"))
    const second = clock.after(1, () => ran.push("second"))
    first.cancel()
    first.cancel()
    clock.advance(1)
    second.cancel()
    clock.advance(1)
    expect(ran).toEqual(["second"])
  })

  it("repeats an interval until it is cancelled, also from inside", () => {
    const clock = new SimulatedClock()
    const times: number[] = []
    const timer = clock.every(10, () => {
      times.push(clock.now())
      if (times.length === 3) timer.cancel()
    })
    clock.advance(100)
    expect(times).toEqual([10, 20, 30])
    expect(clock.pending).toBe(0)
  })

  it("goes on with an interval after a tick that threw", () => {
    const clock = new SimulatedClock()
    let ticks = 0
    clock.every(10, () => {
      if (++ticks === 1) throw new Error("one bad tick")
    })
    expect(() => clock.advance(10)).toThrow("one bad tick")
    clock.advance(30)
    expect(ticks).toBeGreaterThanOrEqual(3)
  })

  it("runs soon before any timer, and what soon adds as well", () => {
    const clock = new SimulatedClock()
    const ran: string[] = []
    clock.after(0, () => ran.push("timer"))
    clock.later(() => ran.push("later"))
    clock.soon(() => {
      ran.push("soon")
      clock.soon(() => ran.push("soon again"))
    })
    expect(ran).toEqual([])
    clock.advance(0)
    expect(ran).toEqual(["soon", "soon again", "timer", "later"])
  })

  it("runs the rest of soon after one that threw", () => {
    const clock = new SimulatedClock()
    const ran: string[] = []
    clock.soon(() => ran.push("before"))
    clock.soon(() => {
      throw new Error("one bad action")
    })
    clock.soon(() => ran.push("after"))
    expect(() => clock.drain()).toThrow("one bad action")
    clock.drain()
    expect(ran).toEqual(["before", "after"])
  })

  it("takes a time in the past as now", () => {
    const clock = new SimulatedClock(50)
    const times: number[] = []
    clock.after(-10, () => times.push(clock.now()))
    expect(clock.step()).toBe(true)
    expect(times).toEqual([50])
    expect(clock.step()).toBe(false)
  })

  it("lets promises take part when it runs", async () => {
    const clock = new SimulatedClock()
    const times: number[] = []
    const walk = (async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(clock, 10)
        times.push(clock.now())
      }
    })()
    await clock.run(100)
    await walk
    expect(times).toEqual([10, 20, 30])
    expect(clock.now()).toBe(100)
  })
})

describe("sleep", () => {
  it("rejects with Aborted and leaves no timer when the signal aborts", async () => {
    const clock = new SimulatedClock()
    const controller = new AbortController()
    const slept = sleep(clock, 10, controller.signal)
    controller.abort(new Error("changed my mind"))
    await expect(slept).rejects.toMatchObject({ code: "Aborted", cause: { message: "changed my mind" } })
    clock.advance(0)
    clock.step()
    expect(clock.pending).toBe(0)
  })

  it("rejects at once when the signal was aborted before", async () => {
    await expect(sleep(new SimulatedClock(), 10, AbortSignal.abort())).rejects.toMatchObject({ code: "Aborted" })
  })
})

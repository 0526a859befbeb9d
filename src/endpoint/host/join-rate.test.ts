import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { burstMax, JoinRate } from "./join-rate.ts"

describe("JoinRate", () => {
  it("takes a burst at once, and gives the others turns one after the other", () => {
    const rate = new JoinRate(new SimulatedClock(), new SeededRandom(1), 250)
    for (let i = 0; i < burstMax; i++) expect(rate.ask()).toBe(0)
    const turns = Array.from({ length: 400 }, () => rate.ask())
    expect(turns).toEqual([...turns].sort((a, b) => a - b))
    expect(turns[0]).toBeLessThan(10)
    expect(turns.at(-1)).toBeCloseTo((400 / rate.perSecond) * 1000, -2)
    // The furthest come early, and not all at once: the rate may have risen by then.
    const far = Array.from({ length: 400 }, () => rate.ask())
    for (const turn of far) expect(turn).toBeGreaterThanOrEqual(500)
    for (const turn of far) expect(turn).toBeLessThanOrEqual(1000)
    expect(new Set(far).size).toBeGreaterThan(100)
  })

  it("has a place for each whose turn has come", async () => {
    const clock = new SimulatedClock()
    const rate = new JoinRate(clock, new SeededRandom(1), 250)
    let joined = 0
    let asked = 0
    const come = () => {
      asked++
      const turn = rate.ask()
      if (turn === 0) joined++
      else clock.after(turn, come)
    }
    for (let i = 0; i < 1000; i++) come()
    await clock.run(5000)
    expect(joined).toBe(1000)
    // Hardly anybody had to ask a third time.
    expect(asked).toBeLessThan(2500)
  })

  it("counts one that is as much work as many as so many", async () => {
    const clock = new SimulatedClock()
    const rate = new JoinRate(clock, new SeededRandom(1), 250)
    expect([rate.ask(61), rate.ask(61)]).toEqual([0, 0])
    expect(rate.ask()).toBeGreaterThan(0)
    await clock.run(50)
    expect(rate.ask()).toBeGreaterThan(0)
    await clock.run(500)
    expect(rate.ask()).toBe(0)
  })

  it("takes fewer while the event loop is late, and more when it is punctual again", async () => {
    // A loop that is busy until some moment: its timers fire only then.
    let busyUntil = 0
    const clock = new SimulatedClock()
    const loop = Object.assign(Object.create(clock) as SimulatedClock, {
      now: () => Math.max(clock.now(), busyUntil),
      after: (ms: number, action: () => void) => clock.after(Math.max(ms, busyUntil - clock.now()), action),
    })
    const rate = new JoinRate(loop, new SeededRandom(1), 250)
    const before = rate.perSecond
    rate.ask()
    busyUntil = 200
    await clock.run(201)
    expect(rate.perSecond).toBe(before / 2)
    // It was behind: at first nobody.
    expect(rate.ask()).toBeGreaterThan(0)
    for (let i = 0; i < 20; i++) {
      await clock.run(20)
      rate.ask()
    }
    expect(rate.perSecond).toBeGreaterThan(before)
  })
})

import { describe, expect, it } from "vitest"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { Heartbeat } from "./heartbeat.ts"

const options = { intervalMs: 100, timeoutMs: 1_000 }

function started(with_ = options) {
  const clock = new SimulatedClock()
  const asked: number[] = []
  const lost: number[] = []
  const heartbeat = new Heartbeat(clock, with_, {
    ask: () => asked.push(clock.now()),
    lost: () => lost.push(clock.now()),
  })
  const start = clock.now()
  return { clock, heartbeat, asked, lost, since: (at: number) => at - start }
}

describe("Heartbeat", () => {
  it("asks after each silence of the interval, however long the time-out is", () => {
    const { clock, heartbeat, asked } = started()
    for (let i = 1; i <= 5; i++) {
      clock.advance(100)
      expect(asked.length).toBe(i)
      heartbeat.heard()
    }
  })

  it("asks once and then waits for the time-out", () => {
    const { clock, asked, lost, since } = started()
    clock.advance(1_099)
    expect(asked.map(since)).toEqual([100])
    expect(lost).toEqual([])
    clock.advance(1)
    expect(lost.map(since)).toEqual([1_100])
  })

  it("asks nobody who talks", () => {
    const { clock, heartbeat, asked } = started()
    for (let i = 0; i < 50; i++) {
      clock.advance(60)
      heartbeat.heard()
    }
    expect(asked).toEqual([])
  })

  it("goes on asking, and judges nobody, while we do not read", () => {
    const { clock, heartbeat, asked, lost } = started()
    heartbeat.pause()
    clock.advance(5_000)
    expect(asked.length).toBe(50)
    expect(lost).toEqual([])
    heartbeat.resume()
    clock.advance(1_000)
    expect(lost).toEqual([])
    clock.advance(200)
    expect(lost.length).toBe(1)
  })

  it("keeps a peer to the time it named, and forgets that when it is heard", () => {
    const { clock, heartbeat, lost } = started({ intervalMs: 1e6, timeoutMs: 1e6 })
    heartbeat.expectWithin(300)
    clock.advance(299)
    heartbeat.heard()
    clock.advance(1_000)
    expect(lost).toEqual([])
    heartbeat.expectWithin(300)
    clock.advance(300)
    expect(lost.length).toBe(1)
  })

  it("reads what is there before it judges, for it may be we who stood still", () => {
    const { clock, heartbeat, lost } = started()
    clock.after(1_100, () => clock.later(() => heartbeat.heard()))
    clock.advance(1_500)
    expect(lost).toEqual([])
    clock.advance(1_000)
    expect(lost.length).toBe(1)
  })
})

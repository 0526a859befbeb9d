import { describe, expect, it } from "vitest"
import { sleep, systemClock } from "./clock.ts"

describe("systemClock", () => {
  it("never goes back, and waits at least about as long as it is told", async () => {
    const before = systemClock.now()
    await sleep(systemClock, 5)
    // Timers of the platform round down to whole milliseconds.
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(4)
  })

  it("runs soon before later", async () => {
    const ran: string[] = []
    await new Promise<void>(resolve => {
      systemClock.later(() => {
        ran.push("later")
        resolve()
      })
      systemClock.soon(() => ran.push("soon"))
    })
    expect(ran).toEqual(["soon", "later"])
  })

  it("repeats until it is cancelled, and a cancelled timer does not run", async () => {
    let ticks = 0
    let cancelled = true
    systemClock
      .after(0, () => {
        cancelled = false
      })
      .cancel()
    await new Promise<void>(resolve => {
      const timer = systemClock.every(1, () => {
        if (++ticks < 3) return
        timer.cancel()
        resolve()
      })
    })
    await sleep(systemClock, 5)
    expect({ ticks, cancelled }).toEqual({ ticks: 3, cancelled: true })
  })
})

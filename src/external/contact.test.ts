import { describe, expect, it } from "vitest"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { ContactTrack } from "./contact.ts"

function scene(options: { answers: boolean; roundTripMs?: number }) {
  const clock = new SimulatedClock()
  const told: [number, boolean][] = []
  let lost = 0
  const state = { ...options }
  const track: ContactTrack = new ContactTrack({
    clock,
    silenceMs: 1_000,
    probe: () => {
      const sentAt = clock.now()
      if (state.answers) clock.after(state.roundTripMs ?? 1, () => track.answered(sentAt))
    },
    changed: connected => told.push([clock.now(), connected]),
    lost: () => lost++,
  })
  return { clock, told, track, state, lost: () => lost }
}

describe("ContactTrack", () => {
  it("is connected while requests are answered", () => {
    const { clock, told, track, lost } = scene({ answers: true })
    expect(track.connected).toBe(false)
    clock.advance(60_000)
    expect(told).toEqual([[251, true]])
    expect(track.connected).toBe(true)
    expect(lost()).toBe(0)
  })

  it("ends silenceMs after the sending of what was answered last, and says so within a quarter more", () => {
    const { clock, told, track, state } = scene({ answers: true })
    clock.advance(5_010)
    state.answers = false
    clock.advance(990)
    // What was answered last was sent at 5,000.
    expect(track.connected).toBe(true)
    clock.advance(1)
    expect(track.connected).toBe(false)
    clock.advance(250)
    expect(told.at(-1)).toEqual([6_250, false])
  })

  it("counts an answer from when it was asked for, not from when it came", () => {
    const { clock, track } = scene({ answers: true, roundTripMs: 990 })
    clock.advance(10_000)
    expect(track.connected).toBe(true)
    const slow = scene({ answers: true, roundTripMs: 1_100 })
    slow.clock.advance(10_000)
    expect(slow.track.connected).toBe(false)
    expect(slow.told).toEqual([])
  })

  it("gives up a connection that was silent for a whole period, again and again", () => {
    const { clock, lost } = scene({ answers: false })
    clock.advance(999)
    expect(lost()).toBe(0)
    clock.advance(1)
    expect(lost()).toBe(1)
    clock.advance(1_000)
    expect(lost()).toBe(2)
  })

  it("tells the truth after our own loop stood still, but does not blame the service for it", () => {
    // Timers of a loop that stood still fire late and at once; answers lie unread.
    const clock = new LateClock()
    let lost = 0
    const track = new ContactTrack({
      clock,
      silenceMs: 1_000,
      probe: () => {},
      changed: () => {},
      lost: () => lost++,
    })
    clock.tick(250)
    track.answered(clock.now())
    clock.tick(5_000)
    expect(track.connected).toBe(false)
    expect(lost).toBe(0)
    track.answered(clock.now())
    expect(track.connected).toBe(true)
    for (let i = 0; i < 8; i++) clock.tick(250)
    expect(lost).toBe(1)
  })
})

/** One repeating timer, fired by hand and as late as one likes. */
class LateClock extends SimulatedClock {
  #at = 0
  #action: () => void = () => {}
  override now(): number {
    return this.#at
  }
  override every(_intervalMs: number, action: () => void) {
    this.#action = action
    return { cancel: () => {} }
  }
  tick(afterMs: number): void {
    this.#at += afterMs
    this.#action()
  }
}

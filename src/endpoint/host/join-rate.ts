/**
 * How many joins a host takes on per second (L10): as many as its event loop bears. While somebody joins, a short timer
 * says how late the loop is; a late one lowers the rate, a punctual one raises it. Who comes too early is given a turn, one
 * after the other at the present rate, so that a thousand who come at once come back one by one.
 */
import type { Clock } from "../../core/clock.ts"
import type { Random } from "../../core/random.ts"

/** Joins per second: where it begins, and how far it goes. */
const firstRate = 400
const rateMin = 50
const rateMax = 5000
/** Joins taken at once after a rest, and between two looks at the loop: what they cost comes in one go. */
export const burstMax = 64
/** The furthest turn, half of it at least: the rate may have risen by then. */
const turnMaxMs = 1000
/** How often the loop is looked at. */
const lookMs = 10
/**
 * How late it may be, and what counts as punctual, in heartbeats. Late is what those who are in would soon notice; on a
 * machine that others keep busy every timer is somewhat late, and that is no reason to let nobody in.
 */
const lateBeats = 0.5
const punctualBeats = 0.1

export class JoinRate {
  readonly #clock: Clock
  readonly #random: Random
  readonly #heartbeatMs: number
  /** Per millisecond. */
  #rate = firstRate / 1000
  #tokens = burstMax
  #refilledAt: number
  /** When the last who was told to wait has its turn. */
  #lastTurn = 0
  #isLooking = false
  #asked = false
  /** Taken since the last look. */
  #taken = 0

  constructor(clock: Clock, random: Random, heartbeatMs: number) {
    this.#clock = clock
    this.#random = random
    this.#heartbeatMs = heartbeatMs
    this.#refilledAt = clock.now()
  }

  /** Joins per second, now. */
  get perSecond(): number {
    return this.#rate * 1000
  }

  /** 0: a join may go on. Else the milliseconds until its turn. One that is as much work as several counts as so many. */
  ask(weight = 1): number {
    const now = this.#clock.now()
    this.#asked = true
    if (!this.#isLooking) this.#look(now)
    this.#tokens = Math.min(burstMax, this.#tokens + (now - this.#refilledAt) * this.#rate)
    this.#refilledAt = now
    if (this.#tokens >= 1 && this.#taken < burstMax) {
      this.#tokens -= weight
      this.#taken += weight
      return 0
    }
    this.#lastTurn = Math.max(this.#lastTurn, now) + 1 / this.#rate
    const turn = this.#lastTurn - now
    if (turn <= turnMaxMs) return Math.max(1, Math.ceil(turn))
    return Math.round(turnMaxMs * (0.5 + this.#random.float() / 2))
  }

  #look(askedAt: number): void {
    this.#isLooking = true
    this.#asked = false
    this.#taken = 0
    this.#clock.after(lookMs, () => {
      this.#isLooking = false
      const now = this.#clock.now()
      const late = now - askedAt - lookMs
      if (late > lateBeats * this.#heartbeatMs) {
        // What the loop is behind with comes first.
        this.#rate = Math.max(rateMin / 1000, this.#rate / 2)
        this.#tokens = Math.min(this.#tokens, 0)
        this.#refilledAt = now
      } else if (late < punctualBeats * this.#heartbeatMs) this.#rate = Math.min(rateMax / 1000, this.#rate * 1.25)
      if (this.#asked) this.#look(now)
    })
  }
}

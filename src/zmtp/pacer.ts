/**
 * Shares turns of the event loop among peers whose octets cost us much more than it costs to send them: subscriptions.
 * So many octets are taken in a turn from all of them together, a slice from each in its turn; the rest waits, and who
 * waits is not read from. So nobody who subscribes, however much, holds up what others say (S7).
 */
import type { Clock } from "../core/clock.ts"

/** Whose octets are paced. It adds itself when it has some, at most once. */
export interface Paced {
  /** Takes at most so many of its octets, and says how many; 0 for one that has none or may not go on. */
  proceed(bytes: number): number
  /** It has more, and may go on. */
  readonly waits: boolean
}

/** Octets of one turn: some 700 subscriptions to short topics, of 5 to 10 µs each. */
export const turnBytes: number = 16 * 1024
/** Octets of one peer before the next one has its slice. */
export const sliceBytes: number = 4 * 1024

export class Pacer {
  readonly #clock: Clock
  #queue: Paced[] = []
  #left = turnBytes
  #scheduled = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether so many octets may be taken now, which are counted then. Never before those who wait. */
  admits(bytes: number): boolean {
    if (this.#queue.length > 0 || bytes > this.#left) return false
    this.#left -= bytes
    this.#schedule()
    return true
  }

  add(one: Paced): void {
    this.#queue.push(one)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.later(this.#turn)
  }

  readonly #turn = (): void => {
    this.#scheduled = false
    this.#left = turnBytes
    try {
      while (this.#left > 0 && this.#queue.length > 0) {
        const one = this.#queue.shift()!
        this.#left -= one.proceed(Math.min(sliceBytes, this.#left))
        if (one.waits) this.#queue.push(one)
      }
    } finally {
      if (this.#queue.length > 0) this.#schedule()
    }
  }
}

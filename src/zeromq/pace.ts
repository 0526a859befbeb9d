/**
 * Sends and receives that need not wait settle at once, and a program that awaits nothing else would keep everything else
 * from running; so every so many of them one waits for a turn of the event loop.
 */
import { systemClock } from "../core/clock.ts"

/** As many as zeromq.js does in one go. */
const operationsMax = 512

export const settled: Promise<void> = Promise.resolve()

export class Pace {
  #operations = 0

  /** Counts an operation; whether the one must wait. */
  isDue(): boolean {
    if (++this.#operations < operationsMax) return false
    this.#operations = 0
    return true
  }

  rest(): Promise<void> {
    return new Promise(resolve => systemClock.later(resolve))
  }
}

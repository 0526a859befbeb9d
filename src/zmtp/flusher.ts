/** Lets everything that was sent in one turn leave together, at the end of that turn. */
import type { Clock } from "../core/clock.ts"

export interface Flushable {
  flush(): void
}

export class Flusher {
  readonly #clock: Clock
  #waiting: Flushable[] = []
  #spare: Flushable[] = []
  #scheduled = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Each adds itself at most once before it is flushed. */
  add(one: Flushable): void {
    this.#waiting.push(one)
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.soon(this.#run)
  }

  /** Calls back when the work under way is done. */
  soon(action: () => void): void {
    this.#clock.soon(action)
  }

  readonly #run = (): void => {
    this.#scheduled = false
    this.flushAll()
  }

  /** Flushes now everything that waits for the end of the turn. */
  flushAll(): void {
    const batch = this.#waiting
    this.#waiting = this.#spare
    for (let i = 0; i < batch.length; i++) batch[i]!.flush()
    batch.length = 0
    this.#spare = batch
  }
}

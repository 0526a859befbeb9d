/** One deadline that is moved often and seldom reached: moving it back costs nothing, it is looked at when the timer fires. */
import type { Clock, Timer } from "../../core/clock.ts"

export class Alarm {
  readonly #clock: Clock
  readonly #action: () => void
  #at: number | undefined
  #timer: Timer | undefined
  #timerAt = 0

  constructor(clock: Clock, action: () => void) {
    this.#clock = clock
    this.#action = action
  }

  /** When it will ring, on the clock; undefined when it is off. */
  get at(): number | undefined {
    return this.#at
  }

  set(at: number): void {
    this.#at = at
    if (this.#timer !== undefined && this.#timerAt <= at) return
    this.#timer?.cancel()
    this.#arm(at)
  }

  off(): void {
    this.#at = undefined
  }

  /** For good: the timer goes too. */
  end(): void {
    this.off()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(at: number): void {
    this.#timerAt = at
    this.#timer = this.#clock.after(at - this.#clock.now(), () => {
      this.#timer = undefined
      if (this.#at === undefined) return
      if (this.#at > this.#clock.now()) return this.#arm(this.#at)
      this.#at = undefined
      this.#action()
    })
  }
}

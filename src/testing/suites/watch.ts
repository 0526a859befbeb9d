/** Waiting for what was named, and never just for time. */
/** Lets time pass where it is virtual. */
export type Settle = (durationMs: number) => Promise<void>

/**
 * How long anything may take before the wait for it fails, in milliseconds, virtual or real. What goes well never waits so
 * long, and a machine that is busy with other things may need it.
 */
const patienceMs = 20_000

/** Tells waiting tests that something happened. */
export class Watch {
  readonly #settle: Settle | undefined
  readonly #waiting = new Set<() => void>()

  constructor(settle?: Settle) {
    this.#settle = settle
  }

  /** Something happened: every waiting condition is looked at again. */
  poke(): void {
    for (const look of [...this.#waiting]) look()
  }

  /** Waits until the condition holds. Fails with `what` was waited for. */
  async until(what: string, condition: () => boolean, patience: number = patienceMs): Promise<void> {
    if (this.#settle === undefined) return this.#untilPoked(what, condition, patience)
    // Short steps first, since most things take one round trip.
    for (let passed = 0, step = 1; !condition(); passed += step, step = Math.min(step * 2, 100)) {
      if (passed > patience) throw timedOut(what, patience)
      await this.#settle(step)
    }
  }

  /** Waits for a promise, letting time pass. Fails with `what` was waited for. */
  async settled<T>(what: string, promise: Promise<T>): Promise<T> {
    let over = false
    const done = () => {
      over = true
      this.poke()
    }
    promise.then(done, done)
    await this.until(what, () => over)
    return promise
  }

  #untilPoked(what: string, condition: () => boolean, patience: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        let held: boolean
        try {
          held = condition()
        } catch (thrown) {
          finish()
          reject(thrown)
          return
        }
        if (!held) return
        finish()
        resolve()
      }
      const finish = () => {
        this.#waiting.delete(look)
        clearInterval(interval)
        clearTimeout(timeout)
      }
      // Some conditions change without a callback, such as the length of a queue.
      const interval = setInterval(look, 5)
      const timeout = setTimeout(() => {
        finish()
        reject(timedOut(what, patience))
      }, patience)
      this.#waiting.add(look)
      look()
    })
  }
}

/** No error of ours, lest a test that expects one takes it for that. */
function timedOut(what: string, patience: number): Error {
  return new Error(`waited ${patience} ms for ${what}, in vain`)
}

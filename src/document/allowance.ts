/**
 * How much of our time each of those below may take for what is made for it alone. What it cost is known only
 * afterwards, so one may go into debt, and then waits until it is paid.
 */
import type { Clock } from "../core/clock.ts"
import type { EndpointId } from "../core/id.ts"

/** Milliseconds of work that one may ask for at once. */
const burstMs = 1_000
/** Part of the time that one may take in the long run. */
const part = 0.1
/** The least that anything counts, in milliseconds. */
const leastMs = 0.25
/** The least that one is asked to wait. */
const waitMsMin = 100

export class Allowance {
  readonly #clock: Clock
  readonly #debts = new Map<EndpointId, { ms: number; at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How long it must wait before it may ask for more; 0 when it may now. */
  waitMs(from: EndpointId): number {
    const debt = this.#debts.get(from)
    if (debt === undefined) return 0
    const now = this.#clock.now()
    debt.ms -= (now - debt.at) * part
    debt.at = now
    if (debt.ms <= 0) this.#debts.delete(from)
    return debt.ms < burstMs ? 0 : Math.max(waitMsMin, Math.ceil((debt.ms - burstMs) / part))
  }

  /** Does the work on its account. */
  spend<T>(from: EndpointId, work: () => T): T {
    const began = this.#clock.now()
    try {
      return work()
    } finally {
      const now = this.#clock.now()
      const debt = this.#debts.get(from)
      const ms = Math.max(leastMs, now - began)
      if (debt === undefined) this.#debts.set(from, { ms, at: now })
      else debt.ms += ms
    }
  }

  gone(from: EndpointId): void {
    this.#debts.delete(from)
  }
}

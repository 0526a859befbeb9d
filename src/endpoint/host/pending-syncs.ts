/**
 * A client's SYNCs that have no baseline yet. One is answered when both have come: the SYNC itself by the control leg,
 * and the subscription to its private topic by the publish leg, which shows that all it follows has taken effect (L2).
 */

import { ZincError } from "../../core/errors.ts"

/** Prefixes of one SYNC or ranges of one repair request, and of either what may wait for one client. */
export const rangesMax = 65_536
/** What a client leaves unanswered is bounded by this; the oldest goes. */
const pendingMax = 64

export class PendingSyncs {
  readonly #asked = new Map<number, readonly Uint8Array[]>()
  readonly #seen = new Set<number>()

  /** The SYNC of that number came; it names the prefixes asked for. Throws `BadFrame` when they are too many. */
  asked(number: number, prefixes: readonly Uint8Array[]): void {
    if (prefixes.length > rangesMax) throw new ZincError("BadFrame", `a SYNC of ${prefixes.length} prefixes`)
    this.#asked.set(number, prefixes)
  }

  /** The subscription to that number's private topic came. */
  seen(number: number): void {
    this.#seen.add(number)
  }

  /** Those to be answered now, in the order in which they were asked; then forgets what is too much. */
  take(): { readonly number: number; readonly prefixes: readonly Uint8Array[] }[] {
    const ready: { number: number; prefixes: readonly Uint8Array[] }[] = []
    for (const [number, prefixes] of this.#asked) {
      if (!this.#seen.has(number)) continue
      this.#asked.delete(number)
      this.#seen.delete(number)
      ready.push({ number, prefixes })
    }
    let waiting = 0
    for (const prefixes of this.#asked.values()) waiting += prefixes.length
    for (const [number, prefixes] of this.#asked) {
      if (this.#asked.size <= pendingMax && waiting <= rangesMax) break
      this.#asked.delete(number)
      waiting -= prefixes.length
    }
    if (this.#seen.size > pendingMax) this.#seen.delete(this.#seen.values().next().value as number)
    return ready
  }
}

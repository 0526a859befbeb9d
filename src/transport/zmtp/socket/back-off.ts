/** How long to wait before dialling again: doubling to a maximum, with full jitter, until a handshake succeeds (Q7). */
import type { Random } from "../../../core/random.ts"

export interface ReconnectOptions {
  /** Upper end of the first wait; default 100 (libzmq's ZMQ_RECONNECT_IVL). */
  readonly initialMs?: number
  /** Upper end of the longest wait; default 10,000. */
  readonly maxMs?: number
}

export class BackOff {
  readonly #initialMs: number
  readonly #maxMs: number
  readonly #random: Random
  #ceiling: number

  constructor(options: ReconnectOptions, random: Random) {
    this.#initialMs = options.initialMs ?? 100
    this.#maxMs = Math.max(options.maxMs ?? 10_000, this.#initialMs)
    this.#random = random
    this.#ceiling = this.#initialMs
  }

  /** The next wait. */
  next(): number {
    const wait = this.#random.float() * this.#ceiling
    this.#ceiling = Math.min(this.#maxMs, this.#ceiling * 2)
    return wait
  }

  /** A handshake has succeeded. */
  reset(): void {
    this.#ceiling = this.#initialMs
  }
}

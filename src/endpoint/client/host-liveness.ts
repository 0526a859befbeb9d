/**
 * Whether the host lives (L9): when it was heard last, by a clock from which time in which our own loop stalled is taken
 * out.
 */
import type { Clock, Timer } from "../../core/clock.ts"

export interface HostLivenessOptions {
  readonly clock: Clock
  /** Each heartbeat: how long the host has been silent, and by how much the beat came too late, in milliseconds. */
  readonly onTick: (now: number, silenceMs: number, lateMs: number) => void
}

export class HostLiveness {
  readonly #o: HostLivenessOptions
  #ticker: Timer | undefined
  #everyMs = 250
  #missesMax = 3
  #heardAt = 0
  #tickedAt = 0
  #loopLagMs = 0
  #isSilent = false

  constructor(options: HostLivenessOptions) {
    this.#o = options
  }

  /** It has missed so many heartbeats that it counts as silent. */
  get isSilent(): boolean {
    return this.#isSilent
  }
  /** How late the last beats were, in milliseconds. */
  get loopLagMs(): number {
    return this.#loopLagMs
  }

  /** The link is up: judged from now on, by the host's own heartbeat. */
  start(everyMs: number, missesMax: number): void {
    const { clock } = this.#o
    this.#everyMs = everyMs
    this.#missesMax = missesMax
    this.#heardAt = clock.now()
    this.#tickedAt = this.#heardAt
    this.#ticker?.cancel()
    this.#ticker = clock.every(everyMs, () => this.#tick())
  }

  stop(): void {
    this.#ticker?.cancel()
  }

  /** The host said something. */
  heard(): void {
    this.#heardAt = this.#o.clock.now()
    this.#isSilent = false
  }

  #tick(): void {
    const now = this.#o.clock.now()
    const late = now - this.#tickedAt - this.#everyMs
    this.#tickedAt = now
    this.#loopLagMs = Math.max(0, late, this.#loopLagMs / 2)
    if (late > this.#everyMs) this.#heardAt = Math.min(now, this.#heardAt + late)
    const silence = now - this.#heardAt
    this.#isSilent = silence >= this.#missesMax * this.#everyMs
    this.#o.onTick(now, silence, late)
  }
}

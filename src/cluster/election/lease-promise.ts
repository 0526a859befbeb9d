/** R4, the voter's side: what it has promised to a root by answering it, and when that ends. */
import type { VoterId } from "./root-record.ts"

export interface PromisedRoot {
  readonly id: VoterId
  readonly epoch: number
  readonly incarnation: number
}

export class LeasePromise {
  readonly #durationMs: number
  #until: number
  #root: PromisedRoot | undefined

  /**
   * `durationMs` is lease and margin. A voter that has been opened before may have promised up to its last moment and
   * has forgotten to whom: until `from` + duration it signs for nobody.
   */
  constructor(durationMs: number, from: number | undefined) {
    this.#durationMs = durationMs
    this.#until = from === undefined ? Number.NEGATIVE_INFINITY : from + durationMs
  }

  get root(): PromisedRoot | undefined {
    return this.#root
  }
  /** Until when it holds, on the voter's clock. */
  get until(): number {
    return this.#until
  }

  renew(root: PromisedRoot, now: number): void {
    this.#root = root
    this.#until = now + this.#durationMs
  }

  holds(now: number): boolean {
    return now < this.#until
  }

  /** Whether it forbids to sign for that candidate. The root itself may ask for a higher epoch at any time. */
  forbids(candidate: VoterId, now: number): boolean {
    return this.holds(now) && this.#root?.id !== candidate
  }

  /** That root can have no authority any more: its process has ended, or it has given it up. */
  ended(root: VoterId): void {
    if (this.#root?.id === root) this.#until = Number.NEGATIVE_INFINITY
  }

  /** What was promised in a life before cannot matter: no root needs a lease. */
  waived(): void {
    if (this.#root === undefined) this.#until = Number.NEGATIVE_INFINITY
  }
}

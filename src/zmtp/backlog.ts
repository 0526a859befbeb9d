/** What one peer said and what waits to be taken, slice by slice, when the pacer says so. */
import type { Paced, Pacer } from "./pacer.ts"

/** Whose octets these are. */
export interface BacklogOwner {
  /** Whether anything may be taken: it is neither paused nor waits for somebody. */
  readonly mayRead: boolean
  /** Whether octets are paced (still): else all that is here may be taken at once. */
  readonly isPaced: boolean
  take(octets: Uint8Array): void
  /** The first octets wait: nothing more should come. */
  began(): void
  /** All has been taken. */
  ended(): void
}

export class Backlog implements Paced {
  readonly #pacer: Pacer
  readonly #owner: BacklogOwner
  #chunks: Uint8Array[] = []
  #queued = false
  /** Octets that wait. */
  bytes = 0

  constructor(pacer: Pacer, owner: BacklogOwner) {
    this.#pacer = pacer
    this.#owner = owner
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0
  }
  get waits(): boolean {
    return this.#chunks.length > 0 && this.#owner.mayRead
  }

  /** Keeps a chunk, which is ours from now on. */
  add(chunk: Uint8Array): void {
    if (this.isEmpty) this.#owner.began()
    this.#chunks.push(chunk)
    this.bytes += chunk.length
    this.goOn()
  }

  /** Whether there is something, of which it will take more when its turn comes. */
  goOn(): boolean {
    if (this.waits && !this.#queued) {
      this.#queued = true
      this.#pacer.add(this)
    }
    return !this.isEmpty
  }

  proceed(bytes: number): number {
    const taken = this.waits ? this.take(bytes) : 0
    // The pacer puts back whoever waits.
    this.#queued = this.waits
    return taken
  }

  clear(): void {
    this.#chunks = []
    this.bytes = 0
  }

  /** Has the owner take so many octets, which must wait; all of the chunk if they are not paced. How many it took. */
  take(bytes: number): number {
    const chunk = this.#chunks[0]!
    const taken = this.#owner.isPaced ? Math.min(bytes, chunk.length) : chunk.length
    if (taken === chunk.length) this.#chunks.shift()
    else this.#chunks[0] = chunk.subarray(taken)
    this.bytes -= taken
    this.#owner.take(taken === chunk.length ? chunk : chunk.subarray(0, taken))
    if (this.isEmpty) this.#owner.ended()
    return taken
  }
}

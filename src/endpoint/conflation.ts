/** What a subscriber without room is owed under the policy "conflate": the latest frame per key (§11, L8). */
import type { TopicState } from "./topic-state.ts"

export interface Conflated {
  readonly topic: TopicState
  readonly header: Uint8Array
  readonly payload: Uint8Array
}

/** What one entry costs beside its octets. */
const entryBytes = 256

export class Conflation {
  readonly #bytesMax: number
  readonly #kept = new Map<string, Conflated>()
  #bytes = 0

  /** When more would be kept, the key that was heard of longest ago goes; 0 for no limit. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }
  get size(): number {
    return this.#kept.size
  }

  set(key: string, frame: Conflated): void {
    this.delete(key)
    this.#kept.set(key, frame)
    this.#bytes += cost(frame)
    for (const oldest of this.#kept.keys()) {
      if (this.#bytesMax === 0 || this.#bytes <= this.#bytesMax || oldest === key) break
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const frame = this.#kept.get(key)
    if (frame === undefined) return
    this.#kept.delete(key)
    this.#bytes -= cost(frame)
  }

  /** In the order in which they were last set; they may be deleted on the way. */
  entries(): Iterable<[string, Conflated]> {
    return this.#kept
  }
}

function cost({ header, payload }: Conflated): number {
  return entryBytes + header.length + payload.length
}

/** What a subscriber without room is owed under the policy "conflate": the latest frame per key (§11, L8). */
import { readU64, toHex } from "../../core/bytes.ts"
import { At } from "../../message/header.ts"
import type { TopicState } from "../topic-state.ts"

export interface Conflated {
  readonly topic: TopicState
  readonly header: Uint8Array
  readonly payload: Uint8Array
}

/** Of one origin everything through that number. */
export interface Cover {
  readonly origin: Uint8Array
  readonly through: number
}

interface Kept extends Conflated {
  /** What it stands for, itself included, by origin. */
  readonly covers: Map<string, Cover>
}

/** What one entry costs beside its octets. */
const entryBytes = 256
const coverBytes = 160

export class Conflation {
  readonly #bytesMax: number
  readonly #kept = new Map<string, Kept>()
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
    const covers = this.#kept.get(key)?.covers ?? new Map<string, Cover>()
    this.delete(key)
    const origin = frame.header.slice(At.Origin, At.Origin + 16)
    covers.set(toHex(origin), { origin, through: readU64(frame.header, At.Sequence) })
    const kept = { ...frame, covers }
    this.#kept.set(key, kept)
    this.#bytes += cost(kept)
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
  entries(): Iterable<[string, Kept]> {
    return this.#kept
  }
}

function cost({ header, payload, covers }: Kept): number {
  return entryBytes + header.length + payload.length + coverBytes * covers.size
}

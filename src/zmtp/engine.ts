/** What all connections of one transport or socket share. Nothing in here does I/O. */
import type { Clock } from "../core/clock.ts"
import { FrameBatch } from "../core/frame-batch.ts"
import { Arena } from "./arena.ts"
import { Flusher } from "./flusher.ts"
import { SlabPool } from "./slab.ts"

export class Engine {
  readonly clock: Clock
  readonly slabs: SlabPool = new SlabPool()
  readonly flusher: Flusher
  readonly arena: Arena = new Arena()
  readonly #batches: FrameBatch[] = []

  constructor(clock: Clock) {
    this.clock = clock
    this.flusher = new Flusher(clock)
  }

  /** An empty batch to decode into; shared, because its arrays are too large for each connection to have. */
  borrowBatch(): FrameBatch {
    return this.#batches.pop() ?? new FrameBatch()
  }
  returnBatch(batch: FrameBatch): void {
    batch.clear()
    this.#batches.push(batch)
  }
}

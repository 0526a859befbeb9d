/** What all connections of one transport or socket share, and what all of a process do. Nothing in here does I/O. */
import type { Clock } from "../core/clock.ts"
import { FrameBatch } from "../core/frame-batch.ts"
import { Arena } from "./arena.ts"
import { Flusher } from "./flusher.ts"
import { MemoryBudget } from "./memory-budget.ts"
import { Pacer } from "./pacer.ts"
import { SlabPool } from "./slab.ts"

/**
 * Memory in which one chunk is decoded at a time, whoever's it is: were there one for each engine, a thousand sockets
 * would each touch pages of their own.
 */
const sharedArena = new Arena()
const sharedBatches: FrameBatch[] = []

export class Engine {
  readonly clock: Clock
  readonly slabs: SlabPool = new SlabPool()
  readonly flusher: Flusher
  readonly pacer: Pacer
  readonly arena: Arena = sharedArena
  /** What connections may hold together; undefined for as much as each may. */
  readonly memory: MemoryBudget | undefined

  /** `maxBufferedBytes` of 0 sets no limit to all together; `countsSent` false leaves out what waits to be sent. */
  constructor(clock: Clock, maxBufferedBytes = 0, countsSent = true) {
    this.clock = clock
    this.memory = maxBufferedBytes > 0 ? new MemoryBudget(maxBufferedBytes, countsSent) : undefined
    this.flusher = new Flusher(clock)
    this.pacer = new Pacer(clock)
  }

  /** An empty batch to decode into; shared, because its arrays are too large for each connection to have, or each socket. */
  borrowBatch(): FrameBatch {
    return sharedBatches.pop() ?? new FrameBatch()
  }
  returnBatch(batch: FrameBatch): void {
    batch.clear()
    sharedBatches.push(batch)
  }
}

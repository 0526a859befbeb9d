/** A voter's data folder: writes are stored some time after they were given, in order; a crash loses an end of them. */
import {
  freshMemory,
  remember,
  type VoteChange,
  type VoteMemory,
  type VoteStorage,
} from "../../../cluster/election/index.ts"
import type { SeededRandom } from "../../../core/random.ts"
import type { SimulatedClock } from "../../../core/simulated-clock.ts"
import type { SimulatedNode } from "../../../transport/simulated/node.ts"

interface Write {
  readonly change: VoteChange
  readonly done: (() => void) | undefined
}

export interface VoteDiskOptions {
  readonly clock: SimulatedClock
  readonly random: SeededRandom
  readonly node: SimulatedNode
  /** Milliseconds that a sync takes. */
  readonly syncMs: { readonly min: number; readonly max: number }
}

export class VoteDisk implements VoteStorage {
  /** Milliseconds more per sync. */
  slowMs = 0
  /** Writes that a crash lost. */
  lostWrites = 0
  readonly #o: VoteDiskOptions
  #memory: VoteMemory = freshMemory
  #stored: VoteChange[] = []
  #pending: Write[] = []
  #syncing = false
  /** Which life writes: what an earlier one still had under way is not called back. */
  #life = 0

  constructor(options: VoteDiskOptions) {
    this.#o = options
  }

  /** What is on the disk. */
  memory(): VoteMemory {
    this.#memory = remember(this.#memory, this.#stored)
    this.#stored = []
    return this.#memory
  }

  write(change: VoteChange, done?: () => void): void {
    this.#pending.push({ change, done })
    if (!this.#syncing) this.#sync()
  }

  /** Calls back when all that was written so far is stored. */
  stored(done: () => void): void {
    const last = this.#pending.at(-1)
    if (last === undefined) done()
    else
      this.#pending[this.#pending.length - 1] = {
        change: last.change,
        done: () => {
          last.done?.()
          done()
        },
      }
  }

  #sync(): void {
    const { clock, random, node, syncMs } = this.#o
    const life = this.#life
    this.#syncing = true
    const batch = this.#pending.length
    const ms = syncMs.min + random.float() * (syncMs.max - syncMs.min) + this.slowMs * random.float()
    clock.after(ms, () => {
      if (life !== this.#life) return
      const done = this.#pending.splice(0, batch)
      for (const { change } of done) this.#stored.push(change)
      this.#syncing = false
      if (this.#pending.length > 0) this.#sync()
      node.run(() => {
        if (life !== this.#life) return
        for (const write of done) write.done?.()
      })
    })
  }

  /** What was not synced is lost, from some point on. */
  crash(): void {
    this.#life++
    const kept = this.#o.random.below(this.#pending.length + 1)
    for (const { change } of this.#pending.slice(0, kept)) this.#stored.push(change)
    this.lostWrites += this.#pending.length - kept
    this.#pending = []
    this.#syncing = false
  }

  /** The folder is gone. */
  wipe(): void {
    this.#memory = freshMemory
    this.#stored = []
  }
}

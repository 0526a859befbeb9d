/** An external coordinator: one linearisable register, with requests and answers that take time, get lost, or find nobody. */
import type { ReadOutcome, RecordKeeper, RootRecord, SetOutcome } from "../../../cluster/election/index.ts"
import type { Clock } from "../../../core/clock.ts"
import type { SeededRandom } from "../../../core/random.ts"
import type { SimulatedClock } from "../../../core/simulated-clock.ts"

/** What a client waits for an answer. */
const timeoutMs = 1500

export class RecordStore {
  available = true
  /** Milliseconds more, each way. */
  slowMs = 0
  record: RootRecord | undefined
  readonly #clock: SimulatedClock
  readonly #random: SeededRandom
  readonly #written: (record: RootRecord) => void
  readonly #watchers = new Set<(record: RootRecord) => void>()

  constructor(clock: SimulatedClock, random: SeededRandom, written: (record: RootRecord) => void) {
    this.#clock = clock
    this.#random = random
    this.#written = written
  }

  /** The store as one machine sees it; `alive` says whether that life of the machine is still there. */
  keeper(clock: Clock, alive: () => boolean): RecordKeeper {
    return {
      read: done => {
        this.#ask<ReadOutcome>(clock, alive, done, { type: "unavailable" }, () => ({
          type: "read",
          record: this.record,
        }))
      },
      compareAndSet: (revision, record, done) => {
        this.#ask<SetOutcome>(clock, alive, done, { type: "unknown" }, () => {
          if ((this.record?.revision ?? 0) !== revision) return { type: "conflict", record: this.record }
          this.record = record
          this.#written(record)
          for (const watcher of this.#watchers) this.#clock.after(this.#latency(), () => watcher(record))
          return { type: "set" }
        })
      },
      watch: listener => {
        this.#watchers.add(record => {
          if (alive() && this.available) clock.soon(() => listener(record))
        })
      },
    }
  }

  /** Either way may be lost: then what was asked may have been done. */
  #ask<Outcome>(
    clock: Clock,
    alive: () => boolean,
    done: (outcome: Outcome) => void,
    failure: Outcome,
    act: () => Outcome,
  ): void {
    let over = false
    const finish = (outcome: Outcome) => {
      if (over || !alive()) return
      over = true
      done(outcome)
    }
    clock.after(timeoutMs, () => finish(failure))
    this.#clock.after(this.#latency(), () => {
      if (!this.available) return
      const outcome = act()
      this.#clock.after(this.#latency(), () => {
        if (this.available) clock.soon(() => finish(outcome))
      })
    })
  }

  #latency(): number {
    return 0.3 + this.#random.float() * 2 + this.slowMs * this.#random.float()
  }
}

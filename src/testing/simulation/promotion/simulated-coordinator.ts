/** An external store of the root record as one process sees it: requests and answers take time, and may find nobody. */
import type {
  Coordinator,
  CoordinatorCallOptions,
  CoordinatorEvent,
  HeldRecord,
  RecordSight,
} from "../../../coordination/coordinator.ts"
import { MemoryCoordinator, type MemoryRecords } from "../../../coordination/memory/index.ts"
import type { RootRecord } from "../../../coordination/root-record.ts"
import { type Clock, sleep } from "../../../core/clock.ts"
import type { SeededRandom } from "../../../core/random.ts"

export interface SimulatedCoordinatorOptions {
  readonly tree: string
  readonly records: MemoryRecords
  /** Of the process that asks: what is told to one that is paused waits. */
  readonly clock: Clock
  readonly random: SeededRandom
  /** Milliseconds more, each way, at most. */
  readonly slowMs: () => number
}

export class SimulatedCoordinator implements Coordinator {
  readonly tree: string
  readonly place = "a simulated store"
  readonly supports = { durable: true, shared: true }
  readonly #o: SimulatedCoordinatorOptions
  readonly #store: MemoryCoordinator

  constructor(options: SimulatedCoordinatorOptions) {
    this.#o = options
    this.tree = options.tree
    this.#store = new MemoryCoordinator({ tree: options.tree, records: options.records })
  }

  get contact(): Coordinator["contact"] {
    return this.#store.contact
  }

  read(options?: CoordinatorCallOptions): Promise<HeldRecord | undefined> {
    return this.#call(() => this.#store.read(options))
  }

  compareAndSet(
    expected: HeldRecord | undefined,
    next: RootRecord,
    options?: CoordinatorCallOptions,
  ): Promise<HeldRecord> {
    return this.#call(() => this.#store.compareAndSet(expected, next, options))
  }

  watch(listener: (sight: RecordSight) => void): () => void {
    const { clock } = this.#o
    let stopped = false
    let last = 0
    const stop = this.#store.watch(sight => {
      last = Math.max(last, clock.now() + this.#wayMs())
      clock.after(last - clock.now(), () => {
        if (!stopped) listener(sight)
      })
    })
    return () => {
      stopped = true
      stop()
    }
  }

  on(type: "contact", listener: (event: CoordinatorEvent) => void): () => void {
    return this.#store.on(type, listener)
  }

  close(): Promise<void> {
    return this.#store.close()
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #call<T>(act: () => Promise<T>): Promise<T> {
    await sleep(this.#o.clock, this.#wayMs())
    const outcome = await act()
    await sleep(this.#o.clock, this.#wayMs())
    return outcome
  }

  #wayMs(): number {
    const { random, slowMs } = this.#o
    return 0.3 + 2 * random.float() + slowMs() * random.float()
  }
}

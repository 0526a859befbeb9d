/** Those who watch one record, and what each was told last. For adapters: they say what they saw, in the store's order. */
import { type Logger, silentLogger } from "../core/logger.ts"
import type { RecordSight } from "./coordinator.ts"

type Listener = (sight: RecordSight) => void

export class RecordWatchers {
  readonly #told = new Map<Listener, string | undefined>()
  readonly #logger: Logger

  constructor(logger: Logger = silentLogger) {
    this.#logger = logger
  }

  get size(): number {
    return this.#told.size
  }

  /** Returns what stops it. A listener given twice is told twice. */
  add(listener: Listener): () => void {
    const own: Listener = sight => listener(sight)
    this.#told.set(own, undefined)
    return () => {
      this.#told.delete(own)
    }
  }

  /** `writing` names what was seen: equal for the same writing of the record, or for its absence. */
  show(writing: string, sight: RecordSight): void {
    for (const [listener, told] of [...this.#told]) {
      if (told === writing || !this.#told.has(listener)) continue
      this.#told.set(listener, writing)
      try {
        listener(sight)
      } catch (thrown) {
        this.#logger.error("a watcher of the root record threw", { thrown })
      }
    }
  }

  clear(): void {
    this.#told.clear()
  }
}

/** Those who watch the hosts of a tree. For adapters: many changes at once are told once. */
import type { Clock } from "../core/clock.ts"
import { type Logger, silentLogger } from "../core/logger.ts"
import type { HostRecord } from "./host-record.ts"

/** Between two tellings: a thousand hosts that come at once are told a few times, not a thousand. */
const restMs = 25

type Listener = (hosts: readonly HostRecord[]) => void

export class HostWatchers {
  readonly #told = new Map<Listener, string | undefined>()
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #hosts: () => readonly HostRecord[] | undefined
  #due = false
  #toldAt = Number.NEGATIVE_INFINITY

  /** `hosts` says what to tell: all that are known, or undefined while nothing is known. */
  constructor(clock: Clock, hosts: () => readonly HostRecord[] | undefined, logger: Logger = silentLogger) {
    this.#clock = clock
    this.#hosts = hosts
    this.#logger = logger
  }

  get size(): number {
    return this.#told.size
  }

  add(listener: Listener): () => void {
    const own: Listener = hosts => listener(hosts)
    this.#told.set(own, undefined)
    this.changed()
    return () => {
      this.#told.delete(own)
    }
  }

  /** Something may be different: everyone is told soon, if it is. */
  changed(): void {
    if (this.#due || this.#told.size === 0) return
    this.#due = true
    const tell = () => {
      this.#due = false
      this.#toldAt = this.#clock.now()
      this.#tell()
    }
    const waitMs = this.#toldAt + restMs - this.#clock.now()
    if (waitMs > 0) this.#clock.after(waitMs, tell)
    else this.#clock.later(tell)
  }

  clear(): void {
    this.#told.clear()
  }

  #tell(): void {
    const hosts = this.#told.size === 0 ? undefined : this.#hosts()
    if (hosts === undefined) return
    const text = JSON.stringify(hosts)
    for (const [listener, told] of [...this.#told]) {
      if (told === text || !this.#told.has(listener)) continue
      this.#told.set(listener, text)
      try {
        listener(hosts)
      } catch (thrown) {
        this.#logger.error("a watcher of hosts threw", { thrown })
      }
    }
  }
}

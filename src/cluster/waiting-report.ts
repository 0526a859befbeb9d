/** Tells whoever opens a voter what it waits for: until there is a root it may wait for ever, which is right, but not without a word. */
import type { Clock, Timer } from "../core/clock.ts"
import type { Logger } from "../core/logger.ts"

export interface WaitingReportOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly tree: string
  /** What it waits for now. */
  readonly reasons: () => readonly string[]
  readonly onWaiting: ((reason: string) => void) | undefined
}

/** What takes no longer than this is no waiting: voters that start together find each other. */
const patienceMs = 1100
/** How often it is looked whether the reasons have changed. */
const lookMs = 200

export class WaitingReport {
  readonly #o: WaitingReportOptions
  #timer: Timer
  /** What was told, and is so still. */
  #told: ReadonlySet<string> = new Set()

  constructor(options: WaitingReportOptions) {
    this.#o = options
    this.#timer = options.clock.after(patienceMs, () => {
      this.#timer = options.clock.every(lookMs, () => this.#look())
      this.#look()
    })
  }

  end(): void {
    this.#timer.cancel()
  }

  #look(): void {
    const reasons = new Set(this.#o.reasons())
    const news = [...reasons].filter(reason => !this.#told.has(reason))
    this.#told = reasons
    for (const reason of news) this.#tell(reason)
  }

  #tell(reason: string): void {
    const { logger, tree, onWaiting } = this.#o
    logger.warn(`waiting: ${reason}`, { tree })
    try {
      onWaiting?.(reason)
    } catch (thrown) {
      logger.error("onWaiting failed", { thrown })
    }
  }
}

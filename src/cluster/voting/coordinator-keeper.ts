/** A store's coordinator as the election wants it: outcomes in place of rejections, and revisions in place of versions. */
import type { Coordinator, HeldRecord } from "../../coordination/coordinator.ts"
import type { Clock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import type { Logger } from "../../core/logger.ts"
import type { ReadOutcome, RecordKeeper, SetOutcome } from "../election/record-keeper.ts"
import type { RootRecord } from "../election/root-record.ts"
import { causeOfFailedDial } from "./dial-outcome.ts"

/** A call that has not ended by then has an unknown end. */
const callMs = 1000

export class CoordinatorKeeper implements RecordKeeper {
  readonly #coordinator: Coordinator
  readonly #clock: Clock
  readonly #logger: Logger
  /** What was seen last, so that a change needs no read before it. */
  #held: HeldRecord | undefined
  #stop: (() => void) | undefined
  #failure: string | undefined

  constructor(coordinator: Coordinator, clock: Clock, logger: Logger) {
    this.#coordinator = coordinator
    this.#clock = clock
    this.#logger = logger
  }

  /** Why the last read has failed, in words. */
  get failure(): string | undefined {
    return this.#failure
  }

  read(done: (outcome: ReadOutcome) => void): void {
    void this.#within(signal => this.#read(signal)).then(
      record => {
        this.#failure = undefined
        done({ type: "read", record })
      },
      thrown => {
        this.#failure = `the store of the root record, ${this.#coordinator.place}, does not answer (${causeOfFailedDial(thrown)})`
        this.#logger.warn("the root record cannot be read", { place: this.#coordinator.place, thrown })
        done({ type: "unavailable" })
      },
    )
  }

  compareAndSet(revision: number, record: RootRecord, done: (outcome: SetOutcome) => void): void {
    void this.#within(signal => this.#set(revision, record, signal)).then(done, thrown => {
      this.#logger.warn("whether the root record was changed is not known", { place: this.#coordinator.place, thrown })
      done({ type: "unknown" })
    })
  }

  watch(listener: (record: RootRecord) => void): void {
    this.#stop?.()
    this.#stop = this.#coordinator.watch(sight => {
      if (sight.type === "bad") this.#logger.error("the store holds no root record of ours", { thrown: sight.error })
      if (sight.type !== "held") return
      this.#saw(sight.held)
      listener(sight.held.record)
    })
  }

  /** Stops watching. The coordinator is whoever's that opened it. */
  end(): void {
    this.#stop?.()
  }

  async #read(signal: AbortSignal): Promise<RootRecord | undefined> {
    const held = await this.#coordinator.read({ signal })
    this.#held = held
    return held?.record
  }

  async #set(revision: number, record: RootRecord, signal: AbortSignal): Promise<SetOutcome> {
    for (let reads = 0; ; reads++) {
      const held = this.#held
      if ((held?.record.revision ?? 0) === revision) {
        try {
          this.#held = await this.#coordinator.compareAndSet(held, record, { signal })
          return { type: "set" }
        } catch (thrown) {
          if (!ZincError.is(thrown) || thrown.code !== "Conflict") throw thrown
        }
      }
      const found = await this.#read(signal)
      // Twice: what was seen was old, or was written anew in the same words.
      if ((found?.revision ?? 0) !== revision || reads === 1) return { type: "conflict", record: found }
    }
  }

  /** Watching may be slower than our own calls. */
  #saw(held: HeldRecord): void {
    const known = this.#held?.record
    if (known?.generation === held.record.generation && known.revision > held.record.revision) return
    this.#held = held
  }

  async #within<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = new AbortController()
    const timer = this.#clock.after(callMs, () => limit.abort())
    try {
      return await call(limit.signal)
    } catch (thrown) {
      if (!limit.signal.aborted) throw thrown
      throw new ZincError("Timeout", `nothing within ${callMs} ms`, { cause: thrown, retryable: true })
    } finally {
      timer.cancel()
    }
  }
}

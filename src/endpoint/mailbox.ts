/**
 * One handler's mailbox: keeps order as asked, bounds what waits and what runs, retries, and lets no failure out. A
 * handler that returns without a promise is called straight from the listener, with no queue in between.
 */
import { BoundedQueue } from "../core/bounded-queue.ts"
import { ZincError } from "../core/errors.ts"
import type { HandleOptions, Message } from "./api.ts"

/** How a mailbox calls the user's code; a worker pool's call always returns a promise. */
export type Invoke = (message: Message) => unknown

export interface MailboxReports {
  failed(message: Message, error: unknown, attempt: number): void
  full(topic: string, dropped: number): void
  /** A message has been handled, well or not. `result` is what the handler gave. */
  done(message: Message, result: unknown, error: unknown): void
}

/** What runs or waits under one key. */
interface Lane {
  running: boolean
  readonly waiting: BoundedQueue<Message>
}

export class Mailbox {
  readonly #invoke: Invoke
  readonly #options: HandleOptions
  readonly #reports: MailboxReports
  readonly #concurrency: number
  readonly #capacity: number
  readonly #lanes = new Map<string, Lane>()
  #running = 0
  #waiting = 0
  #idle: (() => void)[] = []

  constructor(invoke: Invoke, options: HandleOptions, reports: MailboxReports) {
    this.#invoke = invoke
    this.#options = options
    this.#reports = reports
    this.#concurrency =
      options.concurrency ?? (options.order === undefined || options.order === "topic" ? Number.MAX_SAFE_INTEGER : 16)
    this.#capacity = options.mailbox?.messages ?? 10_000
  }

  get waiting(): number {
    return this.#waiting
  }
  /** Keys under which something runs or waits. */
  get keys(): number {
    return this.#lanes.size
  }

  put(message: Message): void {
    let key: string | undefined
    try {
      key = this.#keyOf(message)
    } catch (error) {
      // The key function is the user's code too.
      this.#reports.failed(message, error, 1)
      this.#reports.done(message, undefined, error)
      return
    }
    if (key === undefined) {
      if (this.#running < this.#concurrency) this.#run(message, undefined, undefined)
      else this.#wait(message, "")
      return
    }
    const lane = this.#lanes.get(key)
    if (lane === undefined || (!lane.running && lane.waiting.size === 0)) {
      if (this.#running < this.#concurrency) {
        this.#run(message, key, lane)
        return
      }
    }
    this.#wait(message, key)
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    if (this.#running === 0 && this.#waiting === 0) return Promise.resolve()
    return new Promise(resolve => this.#idle.push(resolve))
  }

  #keyOf(message: Message): string | undefined {
    const order = this.#options.order ?? "topic"
    if (order === "none") return undefined
    return order === "topic" ? message.topic : `k${order(message)}`
  }

  #wait(message: Message, key: string): void {
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      lane = { running: false, waiting: new BoundedQueue({ capacity: this.#capacity, whenFull: "dropOldest" }) }
      this.#lanes.set(key, lane)
    }
    if (this.#waiting >= this.#capacity) {
      // The oldest of this lane makes room; where nothing of the lane waits, the new one goes.
      const oldest = this.#options.mailbox?.whenFull === "dropOldest" ? lane.waiting.shift() : undefined
      const dropped = oldest ?? message
      this.#reports.full(message.topic, 1)
      this.#reports.done(
        dropped,
        undefined,
        new ZincError("Full", `${this.#capacity} messages wait for the handler of "${message.topic}" already`, {
          retryable: true,
        }),
      )
      if (oldest === undefined) {
        if (!lane.running && lane.waiting.size === 0) this.#lanes.delete(key)
        return
      }
      this.#waiting--
    }
    lane.waiting.push(message)
    this.#waiting++
  }

  #run(message: Message, key: string | undefined, known: Lane | undefined): void {
    let result: unknown
    try {
      result = this.#invoke(message)
    } catch (error) {
      if ((this.#options.retries ?? 0) > 0) result = Promise.reject(error)
      else {
        this.#reports.failed(message, error, 1)
        this.#reports.done(message, undefined, error)
        return
      }
    }
    if (!isThenable(result)) {
      this.#reports.done(message, result, undefined)
      return
    }
    this.#running++
    let lane = known
    if (key !== undefined) {
      if (lane === undefined) {
        lane = { running: true, waiting: new BoundedQueue({ capacity: this.#capacity, whenFull: "dropOldest" }) }
        this.#lanes.set(key, lane)
      }
      lane.running = true
    }
    void this.#finish(message, result).then(() => {
      this.#running--
      if (key !== undefined && lane !== undefined) {
        lane.running = false
        if (this.#concurrency < Number.MAX_SAFE_INTEGER) {
          // To the end, so that the others come first.
          this.#lanes.delete(key)
          if (lane.waiting.size > 0) this.#lanes.set(key, lane)
        } else this.#drainLane(key, lane)
      }
      if (this.#concurrency < Number.MAX_SAFE_INTEGER) this.#drainOthers()
      if (this.#running === 0 && this.#waiting === 0) {
        const idle = this.#idle
        this.#idle = []
        for (const resolve of idle) resolve()
      }
    })
  }

  /** Waits for the call, trying again as often as asked. Never rejects. */
  async #finish(message: Message, first: PromiseLike<unknown>): Promise<void> {
    let pending: unknown = first
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await pending
        this.#reports.done(message, result, undefined)
        return
      } catch (error) {
        this.#reports.failed(message, error, attempt)
        if (attempt > (this.#options.retries ?? 0)) {
          this.#reports.done(message, undefined, error)
          return
        }
      }
      try {
        pending = this.#invoke(message)
      } catch (error) {
        pending = Promise.reject(error)
      }
    }
  }

  #drainLane(key: string, lane: Lane): void {
    while (!lane.running && lane.waiting.size > 0 && this.#running < this.#concurrency) {
      this.#waiting--
      this.#run(lane.waiting.shift()!, key, lane)
    }
    if (!lane.running && lane.waiting.size === 0) this.#lanes.delete(key)
  }

  /** Room under the concurrency limit goes to the lanes that wait, oldest lane first. */
  #drainOthers(): void {
    if (this.#waiting === 0) return
    for (const [key, lane] of this.#lanes) {
      if (this.#running >= this.#concurrency) return
      if (key === "") {
        while (lane.waiting.size > 0 && this.#running < this.#concurrency) {
          this.#waiting--
          this.#run(lane.waiting.shift()!, undefined, undefined)
        }
        if (lane.waiting.size === 0) this.#lanes.delete(key)
      } else this.#drainLane(key, lane)
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
}

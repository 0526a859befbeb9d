/**
 * Where a general socket's received messages go: to a batch callback, or to a queue that is read one by one. Which of
 * the two is decided when the socket is made.
 */
import { type Deferred, deferred } from "../../../core/deferred.ts"
import { ZincError } from "../../../core/errors.ts"
import type { FrameBatch } from "../../../core/frame-batch.ts"
import type { Connection } from "../../../zmtp/connection.ts"
import { FairQueue } from "../../../zmtp/pattern/fair-queue.ts"

export class Inbox {
  readonly #onBatch: ((batch: FrameBatch) => void) | undefined
  readonly #queue: FairQueue
  #waiting: Deferred<Uint8Array[] | undefined>[] = []
  #closed = false

  constructor(onBatch: ((batch: FrameBatch) => void) | undefined, highWaterMark: number) {
    this.#onBatch = onBatch
    this.#queue = new FairQueue(highWaterMark)
  }

  open(connection: number, source: Connection): void {
    if (this.#onBatch === undefined) this.#queue.open(connection, source)
  }
  end(connection: number): void {
    this.#queue.end(connection)
  }

  deliver(batch: FrameBatch): void {
    if (this.#onBatch !== undefined) {
      this.#onBatch(batch)
      return
    }
    this.#queue.push(batch)
    while (this.#waiting.length > 0 && this.#queue.size > 0) this.#waiting.shift()!.resolve(this.#queue.shift())
  }

  /** The next message, when there is one; undefined once closed. */
  next(): Promise<Uint8Array[] | undefined> {
    if (this.#onBatch !== undefined) {
      throw new ZincError("Unsupported", "this socket was made with onBatch; its messages go there and nowhere else")
    }
    const message = this.#queue.shift()
    if (message !== undefined || this.#closed) return Promise.resolve(message)
    const wait = deferred<Uint8Array[] | undefined>()
    this.#waiting.push(wait)
    return wait.promise
  }

  close(): void {
    this.#closed = true
    this.#queue.clear()
    for (const wait of this.#waiting) wait.resolve(undefined)
    this.#waiting = []
  }
}

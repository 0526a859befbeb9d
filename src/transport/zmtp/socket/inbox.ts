/**
 * Where a general socket's received messages go: to a batch callback, or to a queue that is read one by one. Which of
 * the two is decided when the socket is made.
 */
import { type Deferred, deferred } from "../../../core/deferred.ts"
import { ZincError } from "../../../core/errors.ts"
import { FrameBatch, type FrameView } from "../../../core/frame-batch.ts"
import { FairQueue, type FairQueueSource } from "../../../zmtp/pattern/fair-queue.ts"

export interface InboxOptions {
  readonly onBatch: ((batch: FrameBatch) => void) | undefined
  /** In messages of one connection; 0 for no limit. */
  readonly highWaterMark: number
  /** In octets of all connections; 0 for no limit. */
  readonly bytesMax: number
  /** Keep only the newest message of each connection. */
  readonly conflate: boolean
  /** How the frames of messages in the queue are shown. */
  readonly view: FrameView | undefined
}

export class Inbox {
  /** Changes a message on its way out of the queue, or holds it back for good (undefined); `from` is its connection. */
  taken: ((frames: Uint8Array[], from: number) => Uint8Array[] | undefined) | undefined
  /** Something came to the queue, and nobody waited for it. */
  arrived: (() => void) | undefined
  readonly #onBatch: ((batch: FrameBatch) => void) | undefined
  readonly #conflate: boolean
  readonly #queue: FairQueue
  #waiting: Deferred<Uint8Array[] | undefined>[] = []
  #closed = false
  #wasRead = false

  constructor(options: InboxOptions) {
    this.#onBatch = options.onBatch
    this.#conflate = options.conflate
    this.#queue = new FairQueue(options)
  }

  /** Another limit of messages of one connection from now on. */
  set highWaterMark(messages: number) {
    this.#queue.highWaterMark = messages
  }

  /** Whether anybody has ever read here, or waited. */
  get wasRead(): boolean {
    return this.#wasRead || this.arrived !== undefined || this.#onBatch !== undefined
  }

  /** Messages that wait. */
  get size(): number {
    return this.#queue.size
  }

  /** Octets of those. */
  get bytes(): number {
    return this.#queue.bytes
  }

  open(connection: number, source: FairQueueSource): void {
    if (this.#onBatch === undefined) this.#queue.open(connection, source)
  }
  end(connection: number): void {
    this.#queue.end(connection)
  }

  deliver(batch: FrameBatch): void {
    if (this.#onBatch !== undefined) {
      this.#onBatch(this.#conflate ? newestOf(batch) : batch)
      return
    }
    this.#queue.push(batch)
    while (this.#waiting.length > 0 && this.#queue.size > 0) {
      const message = this.poll()
      if (message !== undefined) this.#waiting.shift()!.resolve(message)
    }
    if (this.#queue.size > 0) this.arrived?.()
  }

  /** A message that is here; undefined when none is. */
  poll(): Uint8Array[] | undefined {
    this.#refuseWithBatches()
    this.#wasRead = true
    for (;;) {
      const frames = this.#queue.shift()
      if (frames === undefined || this.taken === undefined) return frames
      const message = this.taken(frames, this.#queue.from)
      if (message !== undefined) return message
    }
  }

  /** The next message, when there is one; undefined once closed. */
  next(): Promise<Uint8Array[] | undefined> {
    const message = this.poll()
    if (message !== undefined || this.#closed) return Promise.resolve(message)
    const wait = deferred<Uint8Array[] | undefined>()
    this.#waiting.push(wait)
    return wait.promise
  }

  /** Whether somebody waits for the next message. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0
  }

  /** Drops what waits. */
  drop(): void {
    this.#queue.drop()
  }

  close(): void {
    this.#closed = true
    this.#queue.clear()
    for (const wait of this.#waiting) wait.resolve(undefined)
    this.#waiting = []
  }

  #refuseWithBatches(): void {
    if (this.#onBatch === undefined) return
    throw new ZincError("Unsupported", "this socket was made with onBatch; its messages go there and nowhere else")
  }
}

function newestOf(batch: FrameBatch): FrameBatch {
  if (batch.count < 2) return batch
  const newest = new FrameBatch()
  newest.connection = batch.connection
  newest.addMessage(batch.message(batch.count - 1))
  return newest
}

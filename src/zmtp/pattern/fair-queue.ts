/**
 * Received messages that wait for a reader who takes them one by one, from each connection in turn. At the high-water
 * mark of a connection it is paused, so that its peer feels back-pressure; nothing is dropped (Q1).
 */
import type { FrameBatch, FrameView } from "../../core/frame-batch.ts"

/** One connection's messages that wait. */
export interface FairQueueSource {
  pause(): void
  resume(): void
}

interface Lane {
  readonly connection: number
  readonly source: FairQueueSource
  messages: Uint8Array[][]
  /** The next to be read; what is before has been. */
  head: number
  paused: boolean
  /** No more will come; forgotten when empty. */
  ended: boolean
}

export class FairQueue {
  readonly #highWaterMark: number
  readonly #conflate: boolean
  readonly #view: FrameView | undefined
  readonly #lanes = new Map<number, Lane>()
  /** Lanes with messages, in turn. */
  #turn: Lane[] = []
  #next = 0
  #size = 0

  /** The connection of the message that was read last. */
  from = 0

  /**
   * `highWaterMark` is in whole messages per connection; 0 for no limit. With `conflate` only the newest message of each
   * connection is kept, and the mark means nothing (Q4).
   */
  constructor(highWaterMark: number, conflate = false, view?: FrameView) {
    this.#view = view
    this.#highWaterMark = conflate ? 0 : highWaterMark
    this.#conflate = conflate
  }

  /** Messages that wait. */
  get size(): number {
    return this.#size
  }

  open(connection: number, source: FairQueueSource): void {
    this.#lanes.set(connection, { connection, source, messages: [], head: 0, paused: false, ended: false })
  }

  /** The connection is gone; its whole messages stay readable. */
  end(connection: number): void {
    const lane = this.#lanes.get(connection)
    if (lane === undefined) return
    lane.ended = true
    this.#lanes.delete(connection)
  }

  push(batch: FrameBatch): void {
    const lane = this.#lanes.get(batch.connection)
    if (lane === undefined || batch.count === 0) return
    if (lane.head === lane.messages.length) this.#turn.push(lane)
    if (this.#conflate) {
      this.#size += 1 - (lane.messages.length - lane.head)
      lane.messages = [batch.message(batch.count - 1, this.#view)]
      lane.head = 0
      return
    }
    for (let i = 0; i < batch.count; i++) lane.messages.push(batch.message(i, this.#view))
    this.#size += batch.count
    if (this.#highWaterMark > 0 && !lane.paused && lane.messages.length - lane.head >= this.#highWaterMark) {
      lane.paused = true
      lane.source.pause()
    }
  }

  shift(): Uint8Array[] | undefined {
    if (this.#size === 0) return undefined
    if (this.#next >= this.#turn.length) this.#next = 0
    const lane = this.#turn[this.#next]!
    const message = lane.messages[lane.head]!
    lane.messages[lane.head++] = none
    this.#size--
    this.from = lane.connection
    const left = lane.messages.length - lane.head
    if (left === 0) {
      lane.messages = []
      lane.head = 0
      this.#turn.splice(this.#next, 1)
    } else {
      this.#next++
      if (lane.head >= 1024 && lane.head > left) {
        lane.messages = lane.messages.slice(lane.head)
        lane.head = 0
      }
    }
    if (lane.paused && !lane.ended && left <= this.#highWaterMark / 2) {
      lane.paused = false
      lane.source.resume()
    }
    return message
  }

  /** Drops what waits; the connections stay. */
  drop(): void {
    while (this.#size > 0) this.shift()
  }

  clear(): void {
    this.#turn = []
    this.#lanes.clear()
    this.#size = 0
  }
}

const none: Uint8Array[] = []

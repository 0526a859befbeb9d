/**
 * Received messages that wait for a reader who takes them one by one, from each connection in turn. At the high-water
 * mark of a connection it is paused, so that its peer feels back-pressure; nothing is dropped (Q1). The same befalls who
 * sends on when all that waits comes to too many octets, and who comes new then. What was on its way comes all the same; when
 * that is as much again, whoever brings it is closed.
 */
import { ZincError } from "../../core/errors.ts"
import type { FrameBatch, FrameView } from "../../core/frame-batch.ts"

/** One connection's messages that wait. */
export interface FairQueueSource {
  pause(): void
  resume(): void
  /** Closes it for a reason. */
  fail(error: ZincError): void
}

/** What a frame takes beside its octets, about: a view, and its place in two lists. */
const frameCost = 128
/** What may come beyond the limit of octets, where that is less: some reads of some connections. */
const slackMin = 16 * 1024 * 1024

export interface FairQueueOptions {
  /** In whole messages per connection; 0 for no limit. */
  readonly highWaterMark: number
  /** In octets of all connections together; 0 for no limit. */
  readonly bytesMax: number
  /** Keep only the newest message of each connection; the limits mean nothing then (Q4). */
  readonly conflate: boolean
  /** How frames are shown. */
  readonly view: FrameView | undefined
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
  #highWaterMark: number
  readonly #bytesMax: number
  readonly #conflate: boolean
  readonly #view: FrameView | undefined
  readonly #lanes = new Map<number, Lane>()
  /** Lanes with messages, in turn. */
  #turn: Lane[] = []
  #next = 0
  #size = 0
  #bytes = 0

  /** The connection of the message that was read last. */
  from = 0

  constructor(options: FairQueueOptions) {
    const { highWaterMark, bytesMax, conflate, view } = options
    this.#view = view
    this.#highWaterMark = conflate || highWaterMark === 0 ? Number.POSITIVE_INFINITY : highWaterMark
    this.#bytesMax = conflate || bytesMax === 0 ? Number.POSITIVE_INFINITY : bytesMax
    this.#conflate = conflate
  }

  /** Another high-water mark from now on: who is paused and has room by it goes on, who is beyond it stops at its next message. */
  set highWaterMark(messages: number) {
    this.#highWaterMark = this.#conflate || messages === 0 ? Number.POSITIVE_INFINITY : messages
    if (this.#bytes > this.#bytesMax / 2) return
    for (const lane of this.#lanes.values()) this.#resumeAtHalf(lane)
  }

  /** Messages that wait. */
  get size(): number {
    return this.#size
  }

  /** Octets of those, with what their frames take beside. */
  get bytes(): number {
    return this.#bytes
  }

  open(connection: number, source: FairQueueSource): void {
    const paused = this.#bytes >= this.#bytesMax
    this.#lanes.set(connection, { connection, source, messages: [], head: 0, paused, ended: false })
    if (paused) source.pause()
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
      for (let i = lane.head; i < lane.messages.length; i++) this.#bytes -= bytesOf(lane.messages[i]!)
      lane.messages = [batch.message(batch.count - 1, this.#view)]
      this.#bytes += bytesOf(lane.messages[0]!)
      lane.head = 0
      return
    }
    for (let i = 0; i < batch.count; i++) lane.messages.push(batch.message(i, this.#view))
    this.#size += batch.count
    for (let i = 0; i < batch.frames; i++) this.#bytes += batch.ends[i]! - batch.starts[i]!
    this.#bytes += batch.frames * frameCost
    const full = lane.messages.length - lane.head >= this.#highWaterMark || this.#bytes >= this.#bytesMax
    if (full && !lane.paused) {
      lane.paused = true
      lane.source.pause()
    }
    if (this.#bytes >= this.#bytesMax + Math.max(this.#bytesMax, slackMin)) {
      const why = `${this.#bytes} octets wait to be read, twice what may; read faster, or see receiveBytesMax`
      lane.source.fail(new ZincError("Full", why, { retryable: true }))
    }
  }

  shift(): Uint8Array[] | undefined {
    if (this.#size === 0) return undefined
    if (this.#next >= this.#turn.length) this.#next = 0
    const lane = this.#turn[this.#next]!
    const message = lane.messages[lane.head]!
    lane.messages[lane.head++] = none
    this.#size--
    const before = this.#bytes
    this.#bytes -= bytesOf(message)
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
    const bytesHalf = this.#bytesMax / 2
    if (lane.paused && this.#bytes <= bytesHalf) this.#resumeAtHalf(lane)
    // From here on there is room again for those who were paused for what others had sent.
    if (before > bytesHalf && this.#bytes <= bytesHalf)
      for (const each of this.#lanes.values()) this.#resumeAtHalf(each)
    return message
  }

  #resumeAtHalf(lane: Lane): void {
    if (!lane.paused || lane.ended || lane.messages.length - lane.head > this.#highWaterMark / 2) return
    lane.paused = false
    lane.source.resume()
  }

  /** Drops what waits; the connections stay. */
  drop(): void {
    while (this.#size > 0) this.shift()
  }

  clear(): void {
    this.#turn = []
    this.#lanes.clear()
    this.#size = 0
    this.#bytes = 0
  }
}

function bytesOf(message: readonly Uint8Array[]): number {
  let bytes = message.length * frameCost
  for (let i = 0; i < message.length; i++) bytes += message[i]!.length
  return bytes
}

const none: Uint8Array[] = []

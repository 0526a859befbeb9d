/**
 * Frames kept by consecutive numbers, in slabs, within a cap: the replay ring of a host (the oldest make room) and the
 * up buffer of an endpoint (a full one takes no more) are both this. L6, L7.
 */
import { readU64 } from "../core/bytes.ts"
import { At } from "../message/header.ts"
import type { TopicState } from "./topic-state.ts"

const slabBytes = 64 * 1024
/**
 * Longer frames have octets of their own: transports keep such payloads by reference, and one that waits for a stalled
 * subscriber must not keep a slab of other frames alive.
 */
const ownBytes = 6 * 1024

export interface FrameLogOptions {
  readonly messagesMax: number
  readonly bytesMax: number
  /** The number before the first. */
  readonly after: number
}

interface Kept {
  topic: TopicState
  slab: Uint8Array
  start: number
  headerEnd: number
  end: number
}

export class FrameLog {
  readonly messagesMax: number
  readonly bytesMax: number
  /** Ring of entries; its length is a power of two. */
  #ring: (Kept | undefined)[] = new Array(64)
  #first: number
  #last: number
  #bytes = 0
  #slab = new Uint8Array(0)
  #used = 0

  constructor(options: FrameLogOptions) {
    this.messagesMax = options.messagesMax
    this.bytesMax = options.bytesMax
    this.#first = options.after + 1
    this.#last = options.after
  }

  /** The lowest number kept; above `last` when empty. */
  get first(): number {
    return this.#first
  }
  get last(): number {
    return this.#last
  }
  get size(): number {
    return this.#last - this.#first + 1
  }
  get bytes(): number {
    return this.#bytes
  }

  /** Whether one more of that size fits without anything being dropped. */
  hasRoom(bytes: number): boolean {
    return this.size < this.messagesMax && this.#bytes + bytes <= this.bytesMax
  }

  /** Drops the oldest until one more of that size fits; `dropping` is told of each before it goes. */
  makeRoom(bytes: number, dropping?: (number: number) => void): void {
    while (this.size > 0 && !this.hasRoom(bytes)) {
      dropping?.(this.#first)
      this.releaseThrough(this.#first)
    }
  }

  /** Copies the frame in under the next number, which it returns. */
  append(topic: TopicState, header: Uint8Array, payload: Uint8Array): number {
    const size = header.length + payload.length
    let slab: Uint8Array
    let start: number
    if (size > ownBytes) {
      slab = new Uint8Array(size)
      start = 0
    } else {
      if (this.#used + size > this.#slab.length) {
        this.#slab = new Uint8Array(slabBytes)
        this.#used = 0
      }
      slab = this.#slab
      start = this.#used
      this.#used += size
    }
    slab.set(header, start)
    slab.set(payload, start + header.length)
    if (this.size === this.#ring.length) this.#grow()
    const number = ++this.#last
    this.#ring[number & (this.#ring.length - 1)] = {
      topic,
      slab,
      start,
      headerEnd: start + header.length,
      end: start + size,
    }
    this.#bytes += size
    return number
  }

  topic(number: number): TopicState | undefined {
    return this.#kept(number)?.topic
  }
  /** The header's own octets, which may be written to; undefined when not kept. */
  header(number: number): Uint8Array | undefined {
    const kept = this.#kept(number)
    return kept?.slab.subarray(kept.start, kept.headerEnd)
  }
  payload(number: number): Uint8Array | undefined {
    const kept = this.#kept(number)
    return kept?.slab.subarray(kept.headerEnd, kept.end)
  }
  /** Octets of its header and payload together; 0 when not kept. */
  bytesOf(number: number): number {
    const kept = this.#kept(number)
    return kept === undefined ? 0 : kept.end - kept.start
  }
  /** The field "previous on this topic" of a down frame. */
  previous(number: number): number {
    const kept = this.#kept(number)
    return kept === undefined ? 0 : readU64(kept.slab, kept.start + At.Previous)
  }

  /** Forgets all up to and including that number. */
  releaseThrough(number: number): void {
    const through = Math.min(number, this.#last)
    while (this.#first <= through) {
      const at = this.#first & (this.#ring.length - 1)
      const kept = this.#ring[at]!
      this.#bytes -= kept.end - kept.start
      this.#ring[at] = undefined
      this.#first++
    }
  }

  #kept(number: number): Kept | undefined {
    return number >= this.#first && number <= this.#last ? this.#ring[number & (this.#ring.length - 1)] : undefined
  }

  #grow(): void {
    const ring: (Kept | undefined)[] = new Array(this.#ring.length * 2)
    for (let number = this.#first; number <= this.#last; number++) {
      ring[number & (ring.length - 1)] = this.#ring[number & (this.#ring.length - 1)]
    }
    this.#ring = ring
  }
}

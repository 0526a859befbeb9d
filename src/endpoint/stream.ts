/**
 * A numbered stream at its receiver (L5): takes the next expected number, parks later ones for a while, knows lower ones
 * as duplicates. One for each origin on a topic, and one for an ordered topic's own numbering.
 */
import type { Frame } from "./frame.ts"

/** Most that one stream parks, and all of a link together (DESIGN L5). */
export const parkedFramesMax = 256
export const parkedBytesMax: number = 1024 * 1024
export const parkedLinkBytesMax: number = 8 * 1024 * 1024

/** What all streams of a link have parked together. */
export interface ParkedTotal {
  bytes: number
}

export const Offer = { Deliver: 0, Duplicate: 1, Park: 2, Overflow: 3 } as const
export type Offer = (typeof Offer)[keyof typeof Offer]

export class Stream<K> {
  /** Whose stream it is. */
  readonly key: K
  readonly #total: ParkedTotal
  /** The number it began with in the tree, as far as is known here. */
  first: number
  /** The number expected next. */
  next: number
  /** Nothing of it has come since its topic was left and followed anew: lost numbers may be of before, and known then. */
  forgotten = false
  /** At a relay: the last number that came from below and was sent up. */
  passedUp = 0
  #parked: Map<number, Frame> | undefined
  #parkedBytes = 0
  /** Numbers skipped by a stream that does not wait; they are welcome when they come late. */
  #missing: Set<number> | undefined

  /**
   * True while a repair is under way on the topic and nothing of this stream was known before: then all is parked, for
   * the repair may bring earlier frames, and the lowest is the start.
   */
  floating: boolean

  /** `first`: where it began in the tree, if that is known to be before. */
  constructor(key: K, next: number, floating = false, total: ParkedTotal = { bytes: 0 }, first: number = next) {
    this.key = key
    this.#total = total
    this.first = first
    this.next = next
    this.floating = floating
  }

  get parked(): number {
    return this.#parked?.size ?? 0
  }
  get parkedBytes(): number {
    return this.#parkedBytes
  }

  /** When the oldest parked frame came: since then the lowest hole is known. */
  get parkedAt(): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const frame of this.#parked?.values() ?? []) if (frame.parkedAt < oldest) oldest = frame.parkedAt
    return oldest
  }

  /** What to do with the frame of that number; on Deliver the stream has moved on. */
  offer(number: number): Offer {
    if (number === this.next && !this.floating) {
      // It may have come before, when it could not be taken yet: parked for ever, it would pull the stream back later.
      const before = this.#parked?.get(number)
      if (before !== undefined) this.#unpark(number, before)
      this.next = number + 1
      return Offer.Deliver
    }
    if (number < this.next || this.#parked?.has(number)) return Offer.Duplicate
    if (
      this.parked >= parkedFramesMax ||
      this.#parkedBytes >= parkedBytesMax ||
      this.#total.bytes >= parkedLinkBytesMax
    )
      return Offer.Overflow
    return Offer.Park
  }

  /** As `offer`, for streams whose frames may be taken in any order: nothing waits, holes are only remembered. */
  offerUnordered(number: number): Offer {
    if (number >= this.next) {
      for (let n = Math.max(this.next, number - parkedFramesMax); n < number; n++) {
        this.#missing ??= new Set()
        if (this.#missing.size >= parkedFramesMax) this.#missing.delete(this.#missing.values().next().value as number)
        this.#missing.add(n)
      }
      this.next = number + 1
      return Offer.Deliver
    }
    return this.#missing?.delete(number) ? Offer.Deliver : Offer.Duplicate
  }

  park(number: number, frame: Frame, now: number): void {
    this.#parked ??= new Map()
    frame.parkedAt = now
    this.#parked.set(number, frame)
    this.#parkedBytes += frame.header.length
    this.#total.bytes += frame.header.length
  }

  #unpark(number: number, frame: Frame): void {
    this.#parked!.delete(number)
    this.#parkedBytes -= frame.header.length
    this.#total.bytes -= frame.header.length
  }

  /** Lets go of all that is parked. */
  clear(): void {
    for (const [number, frame] of this.#parked ?? []) this.#unpark(number, frame)
  }

  /**
   * With no room to park, keeps the lowest numbers, for those are needed first. Returns the frames that found no place:
   * the given one itself, or parked ones above it.
   */
  displace(number: number, frame: Frame, now: number): Frame[] {
    const highest = () => {
      let most = 0
      for (const parked of this.#parked?.keys() ?? []) if (parked > most) most = parked
      return most
    }
    if (number > highest()) return [frame]
    this.park(number, frame.keep(), now)
    const displaced: Frame[] = []
    while (this.parked > parkedFramesMax || (this.#parkedBytes > parkedBytesMax && this.parked > 1)) {
      const most = highest()
      const gone = this.#parked!.get(most)!
      this.#unpark(most, gone)
      displaced.push(gone)
    }
    return displaced
  }

  /** What came from that number on is void: it is expected anew. */
  rewind(next: number): void {
    this.next = Math.min(this.next, next)
    this.first = Math.min(this.first, next)
  }

  /** Lets go of the parked frames that are void. */
  purge(isVoid: (number: number, frame: Frame) => boolean): void {
    for (const [number, frame] of this.#parked ?? []) if (isVoid(number, frame)) this.#unpark(number, frame)
  }

  /** The parked frame that is next, if it is there; the stream moves on past it. */
  release(): Frame | undefined {
    const frame = this.#parked?.get(this.next)
    if (frame === undefined) return undefined
    this.#unpark(this.next, frame)
    this.next++
    return frame
  }

  /** The parked frame of that number. */
  parkedAs(number: number): Frame | undefined {
    return this.#parked?.get(number)
  }

  /** The lowest parked number, or undefined if nothing is parked. */
  lowestParked(): number | undefined {
    if (this.parked === 0) return undefined
    let lowest = Number.MAX_SAFE_INTEGER
    for (const number of this.#parked!.keys()) if (number < lowest) lowest = number
    return lowest
  }

  /** Gives up on what is missing before the lowest parked number: the range given up, or undefined if nothing is parked. */
  skip(): { readonly from: number; readonly through: number } | undefined {
    const lowest = this.lowestParked()
    if (lowest === undefined) return undefined
    const from = this.next
    this.next = lowest
    return from < lowest ? { from, through: lowest - 1 } : undefined
  }

  /** Everything below `number` is settled elsewhere; parked frames below it go. */
  advanceTo(number: number): void {
    if (number <= this.next) return
    this.next = number
    for (const [parked, frame] of this.#parked ?? []) {
      if (parked < number) this.#unpark(parked, frame)
    }
  }
}

/**
 * The streams of a node, and what is parked of them: frames that came early wait here for those before them, within the
 * bounds of a link. Streams with parked frames are found by their topic: a topic's repair ends without a look at all others.
 */
import type { Clock } from "../core/clock.ts"
import { TopicKind } from "../message/topic.ts"
import type { Frame } from "./frame.ts"
import type { EndpointRules } from "./rules.ts"
import { Offer, type ParkedTotal, Stream } from "./stream.ts"
import type { Origin, TopicState } from "./topic-state.ts"

export type AnyStream = Stream<Origin> | Stream<undefined>

export interface ParkedStreamsOptions {
  readonly clock: Clock
  readonly rules: EndpointRules
  readonly statistics: { parked: number }
}

export class ParkedStreams {
  readonly #clock: Clock
  readonly #rules: EndpointRules
  readonly #statistics: { parked: number }
  readonly #total: ParkedTotal = { bytes: 0 }
  readonly #all = new Map<AnyStream, TopicState>()
  readonly #on = new Map<TopicState, Set<AnyStream>>()

  constructor(options: ParkedStreamsOptions) {
    this.#clock = options.clock
    this.#rules = options.rules
    this.#statistics = options.statistics
  }

  /** Opens an origin's stream, which expects `next`; see `Stream` for the others. */
  open(topic: TopicState, origin: Origin, next: number, floating = false, first?: number): Stream<Origin> {
    return topic.openStream(origin, next, floating, this.#total, first)
  }

  /** Opens the stream of an ordered topic's own numbering. */
  openOrder(topic: TopicState, next: number, floating = false, first?: number): Stream<undefined> {
    topic.order = new Stream<undefined>(undefined, next, floating, this.#total, first)
    return topic.order
  }

  /** What to do with the frame of that number; on Deliver the stream has moved on. */
  offer(topic: TopicState, stream: AnyStream, number: number): Offer {
    const offer = isUnordered(topic) ? stream.offerUnordered(number) : stream.offer(number)
    if (offer === Offer.Duplicate && !this.#rules.duplicates) return Offer.Deliver
    if (offer === Offer.Park && !this.#rules.parking) {
      stream.advanceTo(number)
      stream.offer(number)
      return Offer.Deliver
    }
    return offer
  }

  /** Keeps a frame that came early. */
  park(topic: TopicState, stream: AnyStream, number: number, frame: Frame): void {
    stream.park(number, frame.keep(), this.#clock.now())
    this.#statistics.parked++
    this.#all.set(stream, topic)
    const others = this.#on.get(topic)
    if (others === undefined) this.#on.set(topic, new Set([stream]))
    else others.add(stream)
  }

  /** With no room to park, keeps the lowest numbers: the frames that found no place. */
  displace(stream: AnyStream, number: number, frame: Frame): Frame[] {
    return stream.displace(number, frame, this.#clock.now())
  }

  /** Frames of the stream were let go, by whatever way: it is found no more once it has none. */
  released(stream: AnyStream): void {
    if (stream.parked === 0) this.#delete(stream)
  }

  /** Lets go of all that is parked of the stream. */
  clear(stream: AnyStream): void {
    stream.clear()
    this.#delete(stream)
  }

  #delete(stream: AnyStream): void {
    const topic = this.#all.get(stream)
    if (topic === undefined) return
    this.#all.delete(stream)
    const others = this.#on.get(topic)
    others?.delete(stream)
    if (others?.size === 0) this.#on.delete(topic)
  }

  /** All, with their topics, as they are now: they may be added and deleted on the way. */
  all(): [AnyStream, TopicState][] {
    return [...this.#all]
  }

  /** Those on one topic, as they are now. */
  on(topic: TopicState): AnyStream[] {
    return [...(this.#on.get(topic) ?? [])]
  }
}

/** Fragments of commutative documents are taken whatever their number (D4). */
export function isUnordered(topic: TopicState): boolean {
  return topic.kind === TopicKind.Document
}

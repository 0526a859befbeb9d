/** What an endpoint remembers of a topic, and who there takes its messages. */
import { AgingByteMap } from "../core/aging-byte-map.ts"
import { sameBytes } from "../core/byte-map.ts"
import { type Route, TopicKind } from "../message/topic.ts"
import type { Frame } from "./frame.ts"
import { OrderReigns } from "./order-reigns.ts"
import { type ParkedTotal, Stream } from "./stream.ts"

/** Where frames come from: one endpoint's sixteen octets, interned so that streams share them. */
export interface Origin {
  readonly bytes: Uint8Array
  /** The same as text, made when first asked for. */
  id: string | undefined
}

/** An origin on an ordered topic, as heard from above. */
export interface Heard {
  readonly origin: Origin
  /** Its own number expected next. */
  next: number
  /** Whether it was heard in the root's present reign; what of the same reign we missed shows in the order numbers already. */
  current: boolean
  /** `TopicState.skipped` by then: more than were skipped since did not go missing on their way from the root. */
  skipped: number
}

/** Who takes messages at this endpoint: handlers and followers of documents. */
export interface Receiver {
  /** What it asks for, as octets to subscribe to. */
  readonly prefixes: readonly Uint8Array[]
  /** One message. The frame is valid during the call only. */
  take(topic: TopicState, frame: Frame, origin: Origin, sequence: number): void
  /** The batch is over. */
  batchEnded?(): void
  /** Frames of a topic are lost for good. */
  lost?(topic: TopicState): void
  /** The baseline for its prefixes came (again): whatever is published from now on comes. */
  baseline?(): void
  /** A prefix was refused. */
  refused?(reason: string): void
}

/**
 * Origins remembered on one topic: those heard last, this many at least and twice as many at most. Of an origin that was
 * forgotten the next frame heard begins its stream anew.
 */
const streamsMax = 16_384

export class TopicState {
  readonly bytes: Uint8Array
  readonly kind: TopicKind
  readonly name: string
  readonly route: Route
  /** Own sequence: the last number given to a frame of ours. */
  sent = 0
  /** At a host: the last publish number on this topic. */
  published = 0
  /** At a host: whether `published` rose since the last mark. */
  changed = false
  /** At the root, on ordered topics: the last order number given. */
  ordered = 0
  /** At a client: the last publish number that came on this topic (L6); below 0: not known yet. */
  arrived = -1
  /** At a client: repairs under way that may bring frames of this topic. */
  repairing = 0
  /** At a client, on ordered topics: the numbering as it arrives. */
  order: Stream<undefined> | undefined
  /** At a client, on ordered topics: in which reigns what was heard was numbered. */
  readonly reigns: OrderReigns = new OrderReigns()
  /** At a client: it was followed before and left, and how far its origins had come then is forgotten. */
  followedAnew = false
  /** Who here wants it. */
  receivers: readonly Receiver[] = []
  /** Its numbers or its identity matter for as long as it is used: it is never forgotten. */
  kept = false
  /** Looked up again since it was made, or since the table last had to forget some. */
  used = false
  /** At a client, on ordered topics: how many numbers of the order did not come, for whatever reason. */
  skipped = 0
  /** The order number up to which `skipped` counts; undefined before the first of a reign. */
  #counted: number | undefined
  readonly #streams = new AgingByteMap<Stream<Origin>>(streamsMax)
  /** At a client, on ordered topics: what was heard of each origin, for it may be numbered twice. */
  #heard: AgingByteMap<Heard> | undefined
  #last: Stream<Origin> | undefined

  constructor(bytes: Uint8Array, kind: TopicKind, name: string) {
    this.bytes = bytes
    this.kind = kind
    this.name = name
    this.route = kind === TopicKind.Ordered || kind === TopicKind.Sequenced ? "ordered" : "nearest"
  }

  get streamCount(): number {
    return this.#streams.size
  }
  /** The stream of the origin whose sixteen octets stand at `at`. */
  stream(buffer: Uint8Array, at: number): Stream<Origin> | undefined {
    const last = this.#last
    if (last !== undefined && sameBytes(last.key.bytes, buffer, at, at + 16)) return last
    const found = this.#streams.get(buffer, at, at + 16)
    if (found !== undefined) this.#last = found
    return found
  }
  /** Opens a stream that expects `next`. */
  openStream(origin: Origin, next: number, floating = false, total?: ParkedTotal, first?: number): Stream<Origin> {
    const stream = new Stream(origin, next, floating, total, first)
    this.#streams.set(origin.bytes, stream)
    this.#last = stream
    return stream
  }
  /** Nothing is known of that origin's stream any more. */
  closeStream(origin: Origin): void {
    this.#streams.delete(origin.bytes)
    if (this.#last?.key === origin) this.#last = undefined
  }
  streams(): Iterable<Stream<Origin>> {
    return this.#streams.values()
  }
  /** What was heard on this ordered topic of the origin whose sixteen octets stand at `at`. */
  heard(buffer: Uint8Array, at: number): Heard | undefined {
    return this.#heard?.get(buffer, at, at + 16)
  }
  /** All that was heard from above on this ordered topic. */
  heardAll(): Iterable<Heard> {
    return this.#heard?.values() ?? []
  }
  hear(origin: Origin, next: number): void {
    this.#heard ??= new AgingByteMap(streamsMax)
    this.#heard.set(origin.bytes, { origin, next, current: true, skipped: this.skipped })
  }
  /** Numbers of the order below that one have come, or will not; that one itself, if it `came`. */
  countOrder(number: number, came: boolean): void {
    const before = this.#counted
    if (before !== undefined && number <= before) return
    if (before !== undefined) this.skipped += number - before - (came ? 1 : 0)
    this.#counted = number
  }
  /** A root without memory numbers this topic anew: its numbers are unknown, its origins' own go on. */
  newReign(): void {
    this.order = undefined
    this.#counted = undefined
    this.reigns.clear()
    for (const heard of this.#heard?.values() ?? []) heard.current = false
  }
  /** R5: part of what was heard is void. The root's log sees to it that nothing is numbered twice. */
  rewound(): void {
    this.#counted = undefined
    this.#heard = undefined
  }
  /** Forgets what came (L5: unsubscribing forgets receive state). */
  forgetStreams(): void {
    this.#streams.clear()
    this.#last = undefined
    this.order = undefined
    this.#counted = undefined
    this.reigns.clear()
    this.#heard = undefined
    this.followedAnew = true
    this.arrived = -1
  }
}

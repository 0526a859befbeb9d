/** What an endpoint remembers of a topic, and the table of them. */
import { AgingByteMap } from "../core/aging-byte-map.ts"
import { ByteMap, sameBytes } from "../core/byte-map.ts"
import { decodeTopic, patternTakesIn, type Route, TopicKind } from "../message/topic.ts"
import type { Receiver } from "./receiver.ts"
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
  /** Whether it was heard in the root's present reign; holes of the same reign show in the order numbers already. */
  current: boolean
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
  /** Who here wants it. */
  receivers: readonly Receiver[] = []
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
  openStream(origin: Origin, next: number, floating = false, total?: ParkedTotal): Stream<Origin> {
    const stream = new Stream(origin, next, floating, total)
    this.#streams.set(origin.bytes, stream)
    this.#last = stream
    return stream
  }
  streams(): Iterable<Stream<Origin>> {
    return this.#streams.values()
  }
  /** What was heard on this ordered topic of the origin whose sixteen octets stand at `at`. */
  heard(buffer: Uint8Array, at: number): Heard | undefined {
    return this.#heard?.get(buffer, at, at + 16)
  }
  hear(origin: Origin, next: number): void {
    this.#heard ??= new AgingByteMap(streamsMax)
    this.#heard.set(origin.bytes, { origin, next, current: true })
  }
  /** A root without memory numbers this topic anew: its numbers are unknown, its origins' own go on. */
  newReign(): void {
    this.order = undefined
    for (const heard of this.#heard?.values() ?? []) heard.current = false
  }
  /** Forgets what came (L5: unsubscribing forgets receive state). */
  forgetStreams(): void {
    this.#streams.clear()
    this.#last = undefined
    this.order = undefined
    this.#heard = undefined
    this.arrived = -1
  }
}

/** Most topics one endpoint remembers; the idlest of a peer's making go first. */
const topicsMax = 65_536

export class TopicTable {
  readonly #topics: ByteMap<TopicState>
  readonly #all = new Set<TopicState>()
  readonly #receivers = new Set<Receiver>()
  #last: TopicState | undefined
  /** The highest publish number of a topic that was forgotten: what a new state must take for its previous (L6). */
  floor = 0

  constructor(seed: number) {
    this.#topics = new ByteMap(seed)
  }

  get all(): Iterable<TopicState> {
    return this.#all
  }

  /** The topic whose octets stand at [start, end). Throws `BadFrame` when they are not a topic. */
  at(buffer: Uint8Array, start: number, end: number): TopicState {
    const last = this.#last
    if (last !== undefined && sameBytes(last.bytes, buffer, start, end)) return last
    const found = this.#topics.get(buffer, start, end) ?? this.#add(buffer.slice(start, end))
    this.#last = found
    return found
  }

  of(bytes: Uint8Array): TopicState {
    return this.at(bytes, 0, bytes.length)
  }

  /** At a host: the last publish number on that topic, or at most that when it was forgotten. */
  published(bytes: Uint8Array): number {
    return this.#topics.get(bytes)?.published ?? this.floor
  }

  /** All known topics that a prefix takes in. */
  *matching(prefix: Uint8Array): IterableIterator<TopicState> {
    for (const topic of this.#all) if (patternTakesIn(prefix, topic.bytes)) yield topic
  }

  addReceiver(receiver: Receiver): void {
    this.#receivers.add(receiver)
    for (const topic of this.#all) {
      if (takes(receiver, topic)) topic.receivers = [...topic.receivers, receiver]
    }
  }

  removeReceiver(receiver: Receiver): void {
    this.#receivers.delete(receiver)
    for (const topic of this.#all) {
      if (topic.receivers.includes(receiver)) topic.receivers = topic.receivers.filter(other => other !== receiver)
    }
  }

  /** Receivers whose pattern takes in that topic. */
  receiversOf(kind: TopicKind, bytes: Uint8Array): Receiver[] {
    return [...this.#receivers].filter(receiver =>
      receiver.prefixes.some(prefix => prefix[0] === kind && patternTakesIn(prefix, bytes)),
    )
  }

  /** Whether any receiver still asks for what this prefix takes in. */
  isWanted(topic: TopicState): boolean {
    return topic.receivers.length > 0
  }

  #add(bytes: Uint8Array): TopicState {
    const { kind, name } = decodeTopic(bytes)
    if (this.#all.size >= topicsMax) this.#evict()
    const topic = new TopicState(bytes, kind, name)
    topic.published = this.floor
    for (const receiver of this.#receivers) if (takes(receiver, topic)) topic.receivers = [...topic.receivers, receiver]
    this.#topics.set(bytes, topic)
    this.#all.add(topic)
    return topic
  }

  /** A sixteenth of the oldest topics that nobody here handles and that we never sent on. */
  #evict(): void {
    let left = topicsMax / 16
    for (const topic of this.#all) {
      if (topic.receivers.length > 0 || topic.sent > 0 || topic.ordered > 0) continue
      this.#all.delete(topic)
      this.#topics.delete(topic.bytes)
      this.floor = Math.max(this.floor, topic.published)
      if (--left === 0) break
    }
    this.#last = undefined
  }
}

function takes(receiver: Receiver, topic: TopicState): boolean {
  return receiver.prefixes.some(prefix => patternTakesIn(prefix, topic.bytes))
}

/** What an endpoint remembers of a topic, and the table of them. */
import { AgingByteMap } from "../core/aging-byte-map.ts"
import { ByteMap, sameBytes } from "../core/byte-map.ts"
import { decodeTopic, patternTakesIn, type Route, TopicKind } from "../message/topic.ts"
import { OrderReigns } from "./order-reigns.ts"
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
  /** At a client, on ordered topics: in which reigns what was heard was numbered. */
  readonly reigns: OrderReigns = new OrderReigns()
  /** At a client: it was followed before the present host, so what an origin sent that is new here was due here. */
  continued = false
  /** Who here wants it. */
  receivers: readonly Receiver[] = []
  /** Its numbers or its identity matter for as long as it is used: it is never forgotten. */
  kept = false
  /** Looked up again since it was made, or since the table last had to forget some. */
  used = false
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
    this.#heard.set(origin.bytes, { origin, next, current: true })
  }
  /** A root without memory numbers this topic anew: its numbers are unknown, its origins' own go on. */
  newReign(): void {
    this.order = undefined
    this.reigns.clear()
    for (const heard of this.#heard?.values() ?? []) heard.current = false
  }
  /** R5: part of what was heard is void. The root's log sees to it that nothing is numbered twice. */
  rewound(): void {
    this.#heard = undefined
  }
  /** Forgets what came (L5: unsubscribing forgets receive state). */
  forgetStreams(): void {
    this.#streams.clear()
    this.#last = undefined
    this.order = undefined
    this.reigns.clear()
    this.#heard = undefined
    this.continued = false
    this.arrived = -1
  }
}

/** Most topics of others' making that one endpoint remembers; the idlest go first. */
const topicsMax = 65_536

export class TopicTable {
  readonly #topics: ByteMap<TopicState>
  readonly #all = new Set<TopicState>()
  /** In the order they were added. */
  readonly #receivers = new Map<Receiver, number>()
  /** Those that follow patterns; the others are found by the whole topics they follow. */
  readonly #byPattern = new Set<Receiver>()
  readonly #byTopic = new ByteMap<Set<Receiver>>()
  #added = 0
  #last: TopicState | undefined
  readonly #most: number
  /** With that many topics it is time to forget some. */
  #limit: number
  /** The highest publish number of a topic that was forgotten: what a new state must take for its previous (L6). */
  floor = 0
  /** The highest publish number that came on a topic that was forgotten: holes below it are not asked for. */
  arrivedFloor = -1
  /** The highest order number of a topic that was forgotten. */
  #orderedFloor = 0

  constructor(seed: number, most: number = topicsMax) {
    this.#topics = new ByteMap(seed)
    this.#most = this.#limit = most
  }

  get all(): Iterable<TopicState> {
    return this.#all
  }

  /** The topic whose octets stand at [start, end). Throws `BadFrame` when they are not a topic. */
  at(buffer: Uint8Array, start: number, end: number): TopicState {
    const last = this.#last
    if (last !== undefined && sameBytes(last.bytes, buffer, start, end)) return last
    let found = this.#topics.get(buffer, start, end)
    if (found === undefined) found = this.#add(buffer.slice(start, end))
    else found.used = true
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

  get size(): number {
    return this.#all.size
  }

  /** All known topics that a prefix takes in. */
  *matching(prefix: Uint8Array): IterableIterator<TopicState> {
    if (isWhole(prefix)) {
      const topic = this.#topics.get(prefix)
      if (topic !== undefined) yield topic
      return
    }
    for (const topic of this.#all) if (patternTakesIn(prefix, topic.bytes)) yield topic
  }

  addReceiver(receiver: Receiver): void {
    this.#receivers.set(receiver, ++this.#added)
    for (const prefix of receiver.prefixes) {
      if (!isWhole(prefix)) {
        this.#byPattern.add(receiver)
        for (const topic of this.matching(prefix)) this.#attach(topic)
        continue
      }
      const others = this.#byTopic.get(prefix)
      if (others === undefined) this.#byTopic.set(prefix, new Set([receiver]))
      else others.add(receiver)
      const topic = this.#topics.get(prefix)
      if (topic !== undefined) this.#attach(topic)
    }
  }

  removeReceiver(receiver: Receiver): void {
    this.#receivers.delete(receiver)
    this.#byPattern.delete(receiver)
    for (const prefix of receiver.prefixes) {
      if (!isWhole(prefix)) {
        for (const topic of this.matching(prefix)) this.#attach(topic)
        continue
      }
      const others = this.#byTopic.get(prefix)
      others?.delete(receiver)
      if (others?.size === 0) this.#byTopic.delete(prefix)
      const topic = this.#topics.get(prefix)
      if (topic !== undefined) this.#attach(topic)
    }
  }

  /** Tells the topic who here wants it. */
  #attach(topic: TopicState): void {
    const wanting = new Set(this.#byTopic.get(topic.bytes))
    for (const receiver of this.#byPattern) if (takes(receiver, topic)) wanting.add(receiver)
    topic.receivers = [...wanting].sort((a, b) => this.#receivers.get(a)! - this.#receivers.get(b)!)
  }

  /** A private topic whose use is over: its octets never come again. */
  forget(topic: TopicState): void {
    this.#all.delete(topic)
    this.#topics.delete(topic.bytes)
    if (this.#last === topic) this.#last = undefined
  }

  #add(bytes: Uint8Array): TopicState {
    const { kind, name } = decodeTopic(bytes)
    if (this.#all.size >= this.#limit) this.#makeRoom()
    const topic = new TopicState(bytes, kind, name)
    topic.published = this.floor
    if (topic.route === "ordered") topic.ordered = this.#orderedFloor
    if (this.#receivers.size > 0) this.#attach(topic)
    this.#topics.set(bytes, topic)
    this.#all.add(topic)
    return topic
  }

  /** Forgets a sixteenth: of those idle since the last time, else of all; and ordered ones only when there are no others. */
  #makeRoom(): void {
    const forgotten = this.#evict(false, false) || this.#evict(true, false) || this.#evict(true, true)
    // With nothing to forget, it is not tried again for every topic to come.
    this.#limit = forgotten ? this.#most : this.#all.size + this.#most / 16
    this.#last = undefined
  }

  #evict(used: boolean, ordered: boolean): boolean {
    let left = this.#most / 16
    for (const topic of this.#all) {
      if (topic.kept || topic.sent > 0 || topic.repairing > 0) continue
      if (topic.used && !used) {
        topic.used = false
        continue
      }
      if (topic.ordered > 0 && !ordered) continue
      this.#all.delete(topic)
      this.#topics.delete(topic.bytes)
      this.floor = Math.max(this.floor, topic.published)
      this.arrivedFloor = Math.max(this.arrivedFloor, topic.arrived)
      this.#orderedFloor = Math.max(this.#orderedFloor, topic.ordered)
      if (--left === 0) break
    }
    return left < this.#most / 16
  }
}

/** Whether it is one topic, not the beginning of many. */
function isWhole(prefix: Uint8Array): boolean {
  return prefix[prefix.length - 1] === 0
}

function takes(receiver: Receiver, topic: TopicState): boolean {
  return receiver.prefixes.some(prefix => patternTakesIn(prefix, topic.bytes))
}

/** All topics that an endpoint knows, who there takes which, and which to forget when there are too many. */
import { ByteMap, sameBytes } from "../core/byte-map.ts"
import { decodeTopic, patternTakesIn } from "../message/topic.ts"
import { type Receiver, TopicState } from "./topic-state.ts"

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

/**
 * The heart of an endpoint: what it does with frames, wherever they come from. It knows no sockets. A frame from below
 * (a client of ours), from above (our host) or of our own is put in its stream's order, numbered if we are the root and
 * the topic is ordered, handed to our receivers, and passed on: down to the cluster we host, up to the host we have.
 *
 * Nothing here assumes one level: an endpoint with both sides is a relay.
 */
import { writeU32, writeU64 } from "../core/bytes.ts"
import type { Clock } from "../core/clock.ts"
import { Events } from "../core/events.ts"
import type { EndpointId } from "../core/id.ts"
import type { Logger } from "../core/logger.ts"
import type { Random } from "../core/random.ts"
import { At, Flag, headerBytes, headerVersion, type Kind } from "../message/header.ts"
import { TopicKind } from "../message/topic.ts"
import type { EndpointEvent, EndpointStatistics } from "./api.ts"
import { Frame } from "./frame.ts"
import { GapReports } from "./gap-reports.ts"
import { Lineage } from "./lineage.ts"
import { Origins } from "./origins.ts"
import { ParkedStreams } from "./parked-streams.ts"
import { hopsMax, Place } from "./place.ts"
import { directUpTopic, markTopic } from "./private-topic.ts"
import { Resequencer } from "./resequencer.ts"
import { newTraffic, type Traffic } from "./roster/traffic.ts"
import { allEndpointRules, type EndpointRules } from "./rules.ts"
import type { DownSide, Sides, UpSide } from "./sides.ts"
import { Offer, type Stream } from "./stream.ts"
import type { Origin, Receiver, TopicState } from "./topic-state.ts"
import { TopicTable } from "./topic-table.ts"

export interface NodeOptions {
  readonly id: EndpointId
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Default all. */
  readonly rules?: EndpointRules
}

export class Node implements Sides {
  readonly id: EndpointId
  readonly rules: EndpointRules
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: Events<EndpointEvent>
  readonly topics: TopicTable
  /** Drawn anew at each opening, and whenever its clients must not take its numbers for the old ones. Never 0. */
  incarnation: number
  readonly self: Origin
  readonly place: Place
  /** Whom to ask when the host is gone, as the host says. */
  readonly lineage: Lineage = new Lineage()
  readonly statistics: { -readonly [K in keyof EndpointStatistics]: EndpointStatistics[K] } = {
    sent: 0,
    received: 0,
    delivered: 0,
    duplicates: 0,
    gaps: 0,
    repaired: 0,
    resent: 0,
    parked: 0,
    deadSession: 0,
    violations: 0,
    joins: 0,
    reconnects: 0,
  }
  readonly traffic: Traffic = newTraffic()
  epoch = 0
  up: UpSide | undefined
  down: DownSide | undefined
  readonly gaps: GapReports
  readonly resequencer: Resequencer
  readonly origins: Origins
  readonly #parked: ParkedStreams
  /** The header of the own message under way; copied by whoever keeps it. */
  readonly #scratch = new Uint8Array(headerBytes)
  readonly #batchEnds = new Set<Receiver>()

  constructor(options: NodeOptions) {
    this.id = options.id
    this.clock = options.clock
    this.random = options.random
    this.logger = options.logger
    this.rules = options.rules ?? allEndpointRules
    this.events = new Events(options.logger)
    this.topics = new TopicTable(options.random.u32())
    this.origins = new Origins(options.id, options.random.u32())
    this.incarnation = newIncarnation(options.random)
    this.self = this.origins.self
    this.place = new Place(this.self.bytes)
    for (const own of [markTopic, directUpTopic]) this.topics.of(own).kept = true
    this.#scratch[At.Version] = headerVersion
    this.#scratch[At.Hops] = hopsMax
    this.#scratch.set(this.self.bytes, At.Origin)
    const { clock, events, rules, statistics } = this
    this.#parked = new ParkedStreams({ clock, rules, statistics })
    this.gaps = new GapReports({ sides: this, events, rules, statistics })
    this.resequencer = new Resequencer({
      sides: this,
      origins: this.origins,
      parked: this.#parked,
      gaps: this.gaps,
      statistics,
      pass: (topic, frame, origin, sequence) => this.#passFromAbove(topic, frame, origin, sequence),
      republish: (topic, frame, origin) => this.#republish(topic, frame, origin),
    })
  }

  /** From now on this host's numbers are others than before. */
  regenerate(): void {
    this.incarnation = newIncarnation(this.random)
  }

  // ---- our own ----

  /** Sends a message of ours; `prompt` when somebody waits for its ack. False when there is no room above; then nothing was done. */
  originate(topic: TopicState, kind: Kind, codec: number, payload: Uint8Array, prompt = false): boolean {
    const header = this.#scratch
    header[At.Kind] = kind
    header[At.Flags] = prompt ? Flag.Prompt : 0
    header[At.Codec] = codec
    writeU32(header, At.Epoch, this.epoch)
    writeU64(header, At.Sequence, topic.sent + 1)
    writeU64(header, At.Order, 0)
    // Who is present is the root's to tell: where that is a voter, the next root does not want it.
    if (this.up !== undefined && topic.kind !== TopicKind.Presence) {
      if (!this.up.push(topic, header, payload)) return false
      topic.sent++
      if (topic.route === "nearest") this.down?.publish(topic, header, payload, 0)
    } else {
      topic.sent++
      if (topic.route === "ordered") writeU64(header, At.Order, ++topic.ordered)
      this.down?.publish(topic, header, payload, 0)
    }
    this.statistics.sent++
    return true
  }

  // ---- from a client below ----

  fromBelow(topic: TopicState, frame: Frame, origin: Origin, link: number): void {
    if (origin === this.self) return
    const sequence = frame.sequence
    const stream = topic.stream(origin.bytes, 0) ?? this.resequencer.openFromBelow(topic, origin, sequence)
    const { up } = this
    // What came down from above before it came up from below is not known to be rooted: it goes up all the same.
    const isNewAbove = up !== undefined && sequence > stream.passedUp
    if (isNewAbove) {
      stream.passedUp = sequence
      const header = this.#header(frame, origin)
      header[At.Flags]! |= frame.flags & Flag.Prompt
      up.push(topic, header, frame.payload())
    }
    switch (this.#parked.offer(topic, stream, sequence)) {
      case Offer.Deliver:
        this.#passFromBelow(topic, frame, origin, sequence, link)
        if (stream.parked === 0) break
        for (let parked = stream.release(); parked !== undefined; parked = stream.release()) {
          this.#passFromBelow(topic, parked, origin, parked.sequence, 0)
        }
        this.#parked.released(stream)
        break
      case Offer.Duplicate:
        if (!isNewAbove) this.statistics.duplicates++
        break
      case Offer.Park:
        if (up !== undefined && topic.route === "nearest") {
          // An origin that has moved here: what it sent by its former host is still on its way down to us.
          const header = this.#header(frame, origin).slice()
          this.#parked.park(topic, stream, sequence, Frame.over(header, frame.payload()))
          break
        }
        this.#passOver(topic, frame, origin, stream, link)
        break
      default:
        this.#passOver(topic, frame, origin, stream, link)
    }
  }

  /** Frames before this one will not come. */
  #passOver(topic: TopicState, frame: Frame, origin: Origin, stream: Stream<Origin>, link: number): void {
    const sequence = frame.sequence
    // A leg has no holes (it goes back and sends again), so this is a child that lost frames of its own subtree. Of an
    // ordered topic only the root can tell; elsewhere the origin may have sent them by another way.
    if (this.up === undefined || topic.route === "nearest")
      this.gaps.report(topic, origin, { from: stream.next, through: sequence - 1 }, "lost")
    stream.advanceTo(sequence)
    this.#parked.released(stream)
    stream.offer(sequence)
    this.#passFromBelow(topic, frame, origin, sequence, link)
  }

  #passFromBelow(topic: TopicState, frame: Frame, origin: Origin, sequence: number, link: number): void {
    // Those below hear it when it comes back numbered.
    if (this.up !== undefined && topic.route === "ordered") return
    const header = this.#header(frame, origin)
    if (topic.route === "ordered") {
      writeU32(header, At.Epoch, this.epoch)
      writeU64(header, At.Order, ++topic.ordered)
    }
    this.down?.publish(topic, header, frame.payload(), link)
    if (topic.receivers.length > 0) {
      if (topic.route === "ordered") {
        const numbered = Frame.over(header, frame.payload())
        this.#deliver(topic, numbered, origin, sequence)
      } else this.#deliver(topic, frame, origin, sequence)
    }
  }

  /** The frame's header as it goes on: true origin, one hop less. Extensions go along. */
  readonly #forward = new Uint8Array(headerBytes)
  #header(frame: Frame, origin: Origin): Uint8Array {
    const header = frame.extensionBytes === 0 ? this.#forward : new Uint8Array(frame.headerEnd - frame.at)
    if (frame.extensionBytes === 0) {
      const from = frame.header
      for (let i = 0, at = frame.at; i < headerBytes; i++, at++) header[i] = from[at]!
    } else header.set(frame.headerView())
    header.set(origin.bytes, At.Origin)
    header[At.Flags]! &= ~(Flag.Up | Flag.Again | Flag.Prompt)
    header[At.Hops] = Math.max(0, frame.hops - 1)
    return header
  }

  // ---- from the host above ----

  #passFromAbove(topic: TopicState, frame: Frame, origin: Origin, sequence: number): void {
    this.#republish(topic, frame, origin)
    if (origin !== this.self) this.#deliver(topic, frame, origin, sequence)
  }

  #republish(topic: TopicState, frame: Frame, origin: Origin): void {
    if (this.down !== undefined && frame.hops > 0)
      this.down.publish(topic, this.#header(frame, origin), frame.payload(), 0)
  }

  // ---- to our receivers ----

  #deliver(topic: TopicState, frame: Frame, origin: Origin, sequence: number): void {
    this.statistics.delivered++
    const receivers = topic.receivers
    for (let i = 0; i < receivers.length; i++) receivers[i]!.take(topic, frame, origin, sequence)
  }

  /** The receiver wants to know when the batch under way is over. */
  atBatchEnd(receiver: Receiver): void {
    this.#batchEnds.add(receiver)
  }

  batchEnded(): void {
    if (this.#batchEnds.size === 0) return
    const receivers = [...this.#batchEnds]
    this.#batchEnds.clear()
    for (const receiver of receivers) receiver.batchEnded?.()
  }
}

function newIncarnation(random: Random): number {
  return (random.u32() | 1) >>> 0
}

/**
 * The heart of an endpoint: what it does with frames, wherever they come from. It knows no sockets. A frame from below
 * (a client of ours), from above (our host) or of our own is put in its stream's order, numbered if we are the root and
 * the topic is ordered, handed to our receivers, and passed on: down to the cluster we host, up to the host we have.
 *
 * Nothing here assumes one level: an endpoint with both sides is a relay.
 */
import { AgingByteMap } from "../core/aging-byte-map.ts"
import { sameBytes } from "../core/byte-map.ts"
import { readU32, writeU32, writeU64 } from "../core/bytes.ts"
import type { Clock } from "../core/clock.ts"
import { Events } from "../core/events.ts"
import { type EndpointId, endpointIdToBytes } from "../core/id.ts"
import type { Logger } from "../core/logger.ts"
import type { Random } from "../core/random.ts"
import { readExtensions } from "../message/extension.ts"
import { At, Flag, headerBytes, headerVersion, Kind } from "../message/header.ts"
import { TopicKind } from "../message/topic.ts"
import type { EndpointEvent, EndpointStatistics, GapReason } from "./api.ts"
import { Frame } from "./frame.ts"
import { Lineage } from "./lineage.ts"
import { Reigned } from "./order-reigns.ts"
import { type AnyStream, ParkedStreams } from "./parked-streams.ts"
import { Place } from "./place.ts"
import { directUpTopic, isPrivate, markTopic } from "./private-topic.ts"
import { idOf } from "./received-message.ts"
import type { Receiver } from "./receiver.ts"
import { newTraffic, type Traffic } from "./roster/traffic.ts"
import { allEndpointRules, type EndpointRules } from "./rules.ts"
import { Offer, type ParkedTotal, Stream } from "./stream.ts"
import { commonPlaces, keptPlaces, type StreamPlace, type StreamRun } from "./stream-runs.ts"
import { type Origin, type TopicState, TopicTable } from "./topic-state.ts"

/** Origins interned: those met last, this many at least and twice as many at most. */
const originsMax = 65_536

/** Hops a frame may make: from the deepest endpoint (`depthMax`) up to the root, down to the deepest again, two to spare. */
export const hopsMax = 18

/** The side that hosts a cluster. */
export interface DownSide {
  /** Publishes to all clients that follow the topic. `link` is the client it came from, 0 for none. */
  publish(topic: TopicState, header: Uint8Array, payload: Uint8Array, link: number): void
}

/** The side that has a host. */
export interface UpSide {
  /** Takes a frame upward; false when the send window is full. */
  push(topic: TopicState, header: Uint8Array, payload: Uint8Array): boolean
  /** Whether a frame of so many octets, header included, would be taken. */
  hasRoom(bytes: number): boolean
  /** A frame of the topic came while a repair is under way and found no place: it is to be asked for again, after it. */
  putOff(topic: TopicState, frame: Frame): void
  /** What is published on that topic comes from above, and the positions have said where its streams stood. */
  follows(topic: TopicState): boolean
  /** An own frame on an ordered topic came back with its number. */
  echoed(topic: TopicState, sequence: number): void
}

/** The first number of a stream that its hosts know of, and the last they have passed on; `last` below `first`: none. */
export interface Position {
  readonly first: number
  readonly last: number
}

export interface NodeOptions {
  readonly id: EndpointId
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Default all. */
  readonly rules?: EndpointRules
}

export class Node {
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
  /** At a client: from the loss of a host to the first baseline of the next. Another reign's numbers wait for that. */
  isRebasing = false
  /** At a client: between a rejoin and the end of the repair that follows it, any topic may have holes. */
  resyncing = false

  readonly #origins: AgingByteMap<Origin>
  /** The header of the own message under way; copied by whoever keeps it. */
  readonly #scratch = new Uint8Array(headerBytes)
  /** Streams with parked frames, to be given up in time. */
  readonly #parked = new ParkedStreams()
  readonly #parkedTotal: ParkedTotal = { bytes: 0 }
  readonly #batchEnds = new Set<Receiver>()

  constructor(options: NodeOptions) {
    this.id = options.id
    this.clock = options.clock
    this.random = options.random
    this.logger = options.logger
    this.rules = options.rules ?? allEndpointRules
    this.events = new Events(options.logger)
    this.topics = new TopicTable(options.random.u32())
    this.#origins = new AgingByteMap(originsMax, options.random.u32())
    this.incarnation = newIncarnation(options.random)
    this.self = { bytes: endpointIdToBytes(options.id), id: options.id }
    this.place = new Place(this.self.bytes)
    this.#origins.set(this.self.bytes, this.self)
    for (const own of [markTopic, directUpTopic]) this.topics.of(own).kept = true
    this.#scratch[At.Version] = headerVersion
    this.#scratch[At.Hops] = hopsMax
    this.#scratch.set(this.self.bytes, At.Origin)
  }

  /** From now on this host's numbers are others than before. */
  regenerate(): void {
    this.incarnation = newIncarnation(this.random)
  }

  /** The origin whose octets stand at `at`. */
  origin(buffer: Uint8Array, at: number): Origin {
    let origin = this.#origins.get(buffer, at, at + 16)
    if (origin === undefined) {
      // Our own is told apart by being this very object.
      if (sameBytes(this.self.bytes, buffer, at, at + 16)) return this.self
      origin = { bytes: buffer.slice(at, at + 16), id: undefined }
      this.#origins.set(origin.bytes, origin)
    }
    return origin
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
    if (this.up !== undefined) {
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

  #offer(topic: TopicState, stream: AnyStream, number: number): Offer {
    const offer = isUnordered(topic) ? stream.offerUnordered(number) : stream.offer(number)
    if (offer === Offer.Duplicate && !this.rules.duplicates) return Offer.Deliver
    if (offer === Offer.Park && !this.rules.parking) {
      stream.advanceTo(number)
      stream.offer(number)
      return Offer.Deliver
    }
    return offer
  }

  // ---- from a client below ----

  fromBelow(topic: TopicState, frame: Frame, origin: Origin, link: number): void {
    if (origin === this.self) return
    const sequence = frame.sequence
    const stream = topic.stream(origin.bytes, 0) ?? topic.openStream(origin, sequence, false, this.#parkedTotal)
    const { up } = this
    // What came down from above before it came up from below is not known to be rooted: it goes up all the same.
    const isNewAbove = up !== undefined && sequence > stream.passedUp
    if (isNewAbove) {
      stream.passedUp = sequence
      const header = this.#header(frame, origin)
      header[At.Flags]! |= frame.flags & Flag.Prompt
      up.push(topic, header, frame.payload())
    }
    switch (this.#offer(topic, stream, sequence)) {
      case Offer.Deliver:
        this.#passFromBelow(topic, frame, origin, sequence, link)
        if (stream.parked === 0) break
        for (let parked = stream.release(); parked !== undefined; parked = stream.release()) {
          this.#passFromBelow(topic, parked, origin, parked.sequence, 0)
        }
        this.#released(stream)
        break
      case Offer.Duplicate:
        if (!isNewAbove) this.statistics.duplicates++
        break
      case Offer.Park:
        if (up !== undefined && topic.route === "nearest") {
          // An origin that has moved here: what it sent by its former host is still on its way down to us.
          const header = this.#header(frame, origin).slice()
          this.#park(topic, stream, sequence, Frame.over(header, frame.payload()))
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
      this.#report(topic, origin, { from: stream.next, through: sequence - 1 }, "lost")
    stream.advanceTo(sequence)
    this.#released(stream)
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

  /** `link` is our link there: a frame that arrived there by it has been seen here. */
  fromAbove(topic: TopicState, frame: Frame, link: number): void {
    if (topic.route === "ordered") {
      this.#orderedFromAbove(topic, frame)
      return
    }
    if (readU32(frame.header, frame.at + At.Link) === link) return
    const sequence = frame.sequence
    let stream = topic.stream(frame.header, frame.at + At.Origin)
    if (stream === undefined) {
      const origin = this.origin(frame.header, frame.at + At.Origin)
      if (origin === this.self) return
      // Nothing is known of this origin here. With no hole open on the topic, this frame is its start.
      const floating = (topic.repairing > 0 || this.resyncing) && !isUnordered(topic)
      stream = topic.openStream(origin, floating ? 1 : sequence, floating, this.#parkedTotal)
    } else if (stream.key === this.self) return
    const origin = stream.key
    if ((frame.flags & Flag.Covers) !== 0) this.#cover(topic, frame, stream)
    switch (this.#offer(topic, stream, sequence)) {
      case Offer.Deliver:
        this.#passFromAbove(topic, frame, origin, sequence)
        if (stream.parked > 0) this.#releaseNearest(topic, stream)
        break
      case Offer.Duplicate:
        this.statistics.duplicates++
        break
      case Offer.Park:
        this.#park(topic, stream, sequence, frame)
        break
      case Offer.Overflow:
        this.#overflow(topic, stream, sequence, frame)
    }
  }

  /** L8: what a conflated frame stands for counts as come. */
  #cover(topic: TopicState, frame: Frame, own: Stream<Origin>): void {
    own.advanceTo(frame.sequence)
    for (const { origin, through } of readExtensions(frame.headerView()).covers ?? []) {
      const stream = topic.stream(origin, 0)
      if (stream === own) continue
      if (stream === undefined) {
        // Nothing came of it yet: what a repair brings of the replaced ones would be older than this.
        const covered = this.origin(origin, 0)
        if (covered !== this.self) topic.openStream(covered, through + 1, false, this.#parkedTotal)
        continue
      }
      stream.advanceTo(through + 1)
      this.#releaseNearest(topic, stream)
    }
  }

  #orderedFromAbove(topic: TopicState, frame: Frame): void {
    const number = frame.order
    const { epoch } = frame
    const reigned = topic.reigns.judge(epoch, number, topic.order?.next ?? 0)
    if (reigned === Reigned.Stale) {
      this.statistics.duplicates++
      return
    }
    if (topic.order === undefined) {
      const floating = topic.repairing > 0 || this.resyncing
      topic.order = new Stream<undefined>(undefined, floating ? 1 : number, floating, this.#parkedTotal)
    }
    const stream = topic.order
    if (stream.parked > 0) {
      stream.purge((parked, { epoch: of }) => of < epoch && parked >= number)
      this.#released(stream)
    }
    if (reigned === Reigned.Rewind) this.#rewind(topic, stream, number, epoch)
    else if (this.isRebasing && number === stream.next && topic.reigns.begins(epoch)) {
      this.#park(topic, stream, number, frame)
      return
    }
    if ((frame.flags & Flag.Covers) !== 0) {
      stream.advanceTo(number)
      this.#release(topic, stream)
    }
    switch (this.#offer(topic, stream, number)) {
      case Offer.Deliver:
        this.#passOrdered(topic, frame)
        if (stream.parked > 0) this.#releaseOrdered(topic, stream)
        break
      case Offer.Duplicate:
        this.statistics.duplicates++
        break
      case Offer.Park:
        this.#park(topic, stream, number, frame)
        break
      case Offer.Overflow:
        this.#overflow(topic, stream, number, frame)
    }
  }

  /** R5: what was heard from that number on is not part of the order. */
  #rewind(topic: TopicState, stream: Stream<undefined>, from: number, epoch: number): void {
    const through = stream.next - 1
    stream.rewind(from)
    topic.reigns.cut(from - 1)
    topic.rewound()
    for (const receiver of topic.receivers) receiver.lost?.(topic)
    if (isMessages(topic)) this.events.emit({ type: "diverged", topic: topic.name, epoch, from, through })
  }

  /**
   * R5: the topic's numbers were given in those reigns. Of what was heard of another the numbers are void. `last`: where
   * the order stands, where that is known for certain.
   */
  compareReigns(topic: TopicState, runs: readonly StreamRun[], epoch: number, last?: number): void {
    const stream = topic.order
    if (runs.length === 0) return
    if (stream === undefined || stream.floating || topic.reigns.runs.length === 0) {
      topic.reigns.adopt(runs)
      return
    }
    const heard: StreamPlace = { order: stream.next - 1, runs: topic.reigns.runs }
    const kept = last === undefined ? keptPlaces(heard, runs) : commonPlaces(heard, { order: last, runs })
    if (kept === undefined) {
      // Too long ago to tell.
      this.newReign(topic)
      return
    }
    if (kept >= heard.order) return
    stream.purge((_number, frame) => frame.epoch < epoch)
    this.#released(stream)
    this.#rewind(topic, stream, kept + 1, epoch)
  }

  /** At the root: numbers of that origin will never get a place. */
  reportMissing(topic: TopicState, origin: Origin, from: number, through: number): void {
    this.#report(topic, origin, { from, through }, "lost")
  }

  /** The host above has lost frames of a stream for good: they count as come, once those before them have. */
  gapFromAbove(topic: TopicState, frame: Frame): void {
    const [from, through] = [frame.order, frame.sequence]
    if (through < from) return
    if (frame.codec === vagueGap) {
      this.reportGap(topic, undefined, from, through, "lost")
      return
    }
    const isOfOrder = isNobody(frame.header, frame.at + At.Origin)
    const origin = isOfOrder ? undefined : this.origin(frame.header, frame.at + At.Origin)
    if (origin === this.self) return
    if (topic.route === "ordered" && origin !== undefined) {
      this.#passOriginGap(topic, origin, from, through)
      return
    }
    let stream: AnyStream | undefined = origin === undefined ? topic.order : topic.stream(origin.bytes, 0)
    if (stream === undefined) {
      const floating = (topic.repairing > 0 || this.resyncing) && !isUnordered(topic)
      const next = floating ? 1 : from
      if (origin === undefined)
        stream = topic.order = new Stream<undefined>(undefined, next, floating, this.#parkedTotal)
      else stream = topic.openStream(origin, next, floating, this.#parkedTotal)
    }
    if (through < stream.next) return
    if (from > stream.next || stream.floating) {
      if (stream.offer(from) === Offer.Park) this.#park(topic, stream, from, frame)
      return
    }
    this.#passGap(topic, stream, frame)
    this.#release(topic, stream)
  }

  /** Between two reigns of roots without memory, what an origin sent on an ordered topic is missed by its own numbers. */
  #passOriginGap(topic: TopicState, origin: Origin, from: number, through: number): void {
    const heard = topic.heard(origin.bytes, 0)
    if (heard === undefined) topic.hear(origin, through + 1)
    else {
      heard.current = true
      if (heard.next > through) return
    }
    this.#report(topic, origin, { from: Math.max(from, heard?.next ?? from), through }, "lost")
    if (heard !== undefined) heard.next = through + 1
  }

  /** A parked one, when it is released, has moved the stream on past its first number already. */
  #passGap(topic: TopicState, stream: AnyStream, frame: Frame, isReleased = false): void {
    const from = isReleased ? frame.order : Math.max(frame.order, stream.next)
    stream.advanceTo(frame.sequence + 1)
    this.#report(topic, stream.key, { from, through: frame.sequence }, "lost")
  }

  #passOrdered(topic: TopicState, frame: Frame): void {
    const origin = this.origin(frame.header, frame.at + At.Origin)
    const sequence = frame.sequence
    topic.reigns.note(frame.epoch, frame.order)
    if (origin === this.self) {
      this.up?.echoed(topic, sequence)
      this.#passFromAbove(topic, frame, origin, sequence)
      return
    }
    const heard = topic.heard(origin.bytes, 0)
    if (heard === undefined) topic.hear(origin, sequence + 1)
    else if (sequence < heard.next) {
      // Its origin sent it again to a root without memory, which numbered it anew. Those below judge for themselves.
      this.statistics.duplicates++
      this.#republish(topic, frame, origin)
      return
    } else {
      if (!heard.current) this.#report(topic, origin, { from: heard.next, through: sequence - 1 }, "lost")
      heard.current = true
      heard.next = sequence + 1
    }
    this.#passFromAbove(topic, frame, origin, sequence)
  }

  #passFromAbove(topic: TopicState, frame: Frame, origin: Origin, sequence: number): void {
    this.#republish(topic, frame, origin)
    if (origin !== this.self) this.#deliver(topic, frame, origin, sequence)
  }

  #republish(topic: TopicState, frame: Frame, origin: Origin): void {
    if (this.down !== undefined && frame.hops > 0)
      this.down.publish(topic, this.#header(frame, origin), frame.payload(), 0)
  }

  // ---- parked frames ----

  #park(topic: TopicState, stream: AnyStream, number: number, frame: Frame): void {
    stream.park(number, frame.keep(), this.clock.now())
    this.#parked.add(stream, topic)
    this.statistics.parked++
  }

  #overflow(topic: TopicState, stream: AnyStream, number: number, frame: Frame): void {
    if (topic.repairing === 0 && !this.resyncing) {
      this.#park(topic, stream, number, frame)
      this.#giveUp(topic, stream, "lost")
      return
    }
    // The repair may bring what is missing, and the host keeps what we have no room for now.
    for (const excess of stream.displace(number, frame, this.clock.now())) this.up!.putOff(topic, excess)
  }

  #releaseNearest(topic: TopicState, stream: Stream<Origin>): void {
    for (let frame = stream.release(); frame !== undefined; frame = stream.release()) {
      if (frame.kind === Kind.Gap) this.#passGap(topic, stream, frame, true)
      else this.#passFromAbove(topic, frame, stream.key, frame.sequence)
    }
    this.#released(stream)
  }

  #releaseOrdered(topic: TopicState, stream: Stream<undefined>): void {
    for (let frame = stream.release(); frame !== undefined; frame = stream.release()) {
      if (frame.kind === Kind.Gap) this.#passGap(topic, stream, frame, true)
      else this.#passOrdered(topic, frame)
    }
    this.#released(stream)
  }

  #released(stream: AnyStream): void {
    if (stream.parked === 0) this.#parked.delete(stream)
  }

  /** L5: unsubscribing forgets receive state. */
  forget(topic: TopicState): void {
    for (const stream of this.#parked.on(topic)) {
      stream.clear()
      this.#parked.delete(stream)
    }
    topic.forgetStreams()
  }

  /** Goes on from the lowest parked frame, reporting what is given up. */
  #giveUp(topic: TopicState, stream: AnyStream, reason: GapReason): void {
    const floating = stream.floating
    stream.floating = false
    const range = stream.skip()
    if (range !== undefined && !floating) this.#report(topic, stream.key, range, reason)
    this.#release(topic, stream)
  }

  #release(topic: TopicState, stream: AnyStream): void {
    if (stream.key === undefined) this.#releaseOrdered(topic, stream as Stream<undefined>)
    else this.#releaseNearest(topic, stream as Stream<Origin>)
  }

  /** Gives up on holes older than `before`, except on topics where a repair is under way. */
  giveUpOlderThan(before: number): void {
    for (const [stream, topic] of this.#parked.all()) {
      if (topic.repairing > 0 || this.resyncing) continue
      while (stream.parked > 0 && stream.parkedAt < before) this.#giveUp(topic, stream, "lost")
    }
  }

  /** A repair on the topic has ended: what it did not bring is lost. True if anything was given up. */
  repairEnded(topic: TopicState, reason: GapReason): boolean {
    let any = false
    for (const stream of this.#parked.on(topic)) {
      if (topic.repairing > 0) break
      any = true
      this.#giveUp(topic, stream, reason)
    }
    return any
  }

  /**
   * The positions say where the stream stands: the first and the last number passed on above. What has not come of
   * those is lost, and is reported if there is a reason; without one this is where an unknown stream begins. With
   * `belowParked` later frames of it are asked for again, since they found no place: then only what is missing below the
   * parked ones is lost.
   */
  settle(
    topic: TopicState,
    origin: Origin | undefined,
    position: Position,
    reason: GapReason | undefined,
    belowParked = false,
  ): void {
    const { first, last } = position
    if (topic.route === "ordered" && origin !== undefined) {
      const heard = topic.heard(origin.bytes, 0)
      if (heard === undefined) topic.hear(origin, last + 1)
      else if (reason !== undefined) {
        if (!heard.current) this.#report(topic, origin, { from: heard.next, through: last }, reason)
        heard.current = true
        heard.next = Math.max(heard.next, last + 1)
      }
      return
    }
    const stream = origin === undefined ? topic.order : topic.stream(origin.bytes, 0)
    if (stream === undefined) {
      if (reason !== undefined) this.#report(topic, origin, { from: first, through: last }, reason)
      if (origin === undefined)
        topic.order = new Stream<undefined>(undefined, last + 1, false, this.#parkedTotal, first)
      else topic.openStream(origin, last + 1, false, this.#parkedTotal, first)
      return
    }
    stream.first = Math.min(stream.first, first)
    if (reason === undefined) return
    this.begin(topic, origin, first)
    while (stream.next <= last) {
      const lowest = stream.lowestParked()
      if (lowest === undefined && belowParked) return
      const through = Math.min(last, (lowest ?? Number.POSITIVE_INFINITY) - 1)
      if (!isUnordered(topic)) this.#report(topic, stream.key, { from: stream.next, through }, reason)
      stream.advanceTo(through + 1)
      this.#release(topic, stream)
    }
  }

  /** A stream whose start was open begins there. */
  begin(topic: TopicState, origin: Origin | undefined, first: number): void {
    const stream = origin === undefined ? topic.order : topic.stream(origin.bytes, 0)
    if (stream === undefined || !stream.floating) return
    stream.floating = false
    stream.advanceTo(first)
    this.#release(topic, stream)
  }

  /** Streams of the topic whose start is still open begin with what they have: no repair will bring earlier frames. */
  beginAll(topic: TopicState): void {
    for (const stream of this.#parked.on(topic)) {
      if (stream.floating) this.#giveUp(topic, stream, "lost")
    }
  }

  /**
   * The host above is another, of the same tree. Streams whose start was still open waited for a repair by the last one,
   * and the new one may itself be behind and bring their start later: they begin as this one has them, or as it says.
   */
  forgetFloating(): void {
    for (const [stream, topic] of this.#parked.all()) {
      if (!stream.floating) continue
      stream.clear()
      this.#parked.delete(stream)
      if (stream.key === undefined) topic.order = undefined
      else topic.closeStream(stream.key)
    }
  }

  /**
   * An origin has come to be below, and keeps its own numbers from `first` on. At a relay those before come from above, so
   * far as they have not come yet; elsewhere they are of no concern.
   */
  openBelow(topic: TopicState, origin: Origin, first: number): void {
    if (topic.stream(origin.bytes, 0) !== undefined) return
    const isAwaited = topic.route === "nearest" && this.up !== undefined && this.up.follows(topic)
    topic.openStream(origin, isAwaited ? 1 : first, false, this.#parkedTotal)
  }

  /** A root without memory numbers ordered topics anew: what waits for numbers of the old reign waits in vain. */
  newReign(topic: TopicState): void {
    const stream = topic.order
    if (stream !== undefined) while (stream.parked > 0) this.#giveUp(topic, stream, "lost")
    topic.newReign()
  }

  #report(
    topic: TopicState,
    origin: Origin | undefined,
    range: { from: number; through: number },
    reason: GapReason,
  ): void {
    if (range.through < range.from) return
    this.#tellGap(topic, origin, range.from, range.through, knownGap)
    this.#reportHere(topic, origin, range.from, range.through, reason)
  }

  /** Something of the topic is lost, though it is not known just what of its streams. */
  reportGap(topic: TopicState, origin: Origin | undefined, from: number, through: number, reason: GapReason): void {
    this.#tellGap(topic, origin, from, through, vagueGap)
    this.#reportHere(topic, origin, from, through, reason)
  }

  /** At a relay: those below are told, for they would notice only at the next frame, and of a stream's last never. */
  #tellGap(topic: TopicState, origin: Origin | undefined, from: number, through: number, codec: number): void {
    if (this.up === undefined || this.down === undefined || isPrivate(topic.bytes) || topic.kind === TopicKind.System)
      return
    const header = new Uint8Array(headerBytes)
    header[At.Version] = headerVersion
    header[At.Kind] = Kind.Gap
    header[At.Codec] = codec
    header[At.Hops] = hopsMax
    if (origin !== undefined) header.set(origin.bytes, At.Origin)
    writeU64(header, At.Sequence, through)
    writeU64(header, At.Order, from)
    this.down.publish(topic, header, noPayload, 0)
  }

  #reportHere(topic: TopicState, origin: Origin | undefined, from: number, through: number, reason: GapReason): void {
    this.statistics.gaps++
    for (const receiver of topic.receivers) receiver.lost?.(topic)
    if (!isMessages(topic)) return
    // What a relay only passes on is missed by those below, who notice it themselves.
    if (this.up !== undefined && this.down !== undefined && topic.receivers.length === 0) return
    if (!this.rules.gaps) return
    this.events.emit({
      type: "gap",
      topic: topic.name,
      origin: origin === undefined ? undefined : idOf(origin),
      from,
      through,
      reason,
    })
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

/** What a user hears of; documents and Zinc itself notice by themselves, and mend it. */
function isMessages(topic: TopicState): boolean {
  return topic.kind === TopicKind.Nearest || topic.kind === TopicKind.Ordered || topic.kind === TopicKind.Private
}

/** The codec of a Gap frame: the numbers are the stream's, or nobody knows whose. */
const knownGap = 0
const vagueGap = 1
const noPayload = new Uint8Array(0)

/** Whether no origin's id stands there, but zeros. */
function isNobody(header: Uint8Array, at: number): boolean {
  for (let i = at; i < at + 16; i++) if (header[i] !== 0) return false
  return true
}

function newIncarnation(random: Random): number {
  return (random.u32() | 1) >>> 0
}

/** Fragments of commutative documents are taken whatever their number (D4). */
function isUnordered(topic: TopicState): boolean {
  return topic.kind === TopicKind.Document
}

/**
 * Puts what comes from the host above back in the order of its streams (L5): each origin's on a topic, and an ordered
 * topic's own numbering with the reigns it was given in (R5). What comes early is parked, what is lost for good is
 * reported when a repair or the positions of a baseline say so, or time does.
 */
import { readU32 } from "../core/bytes.ts"
import { readExtensions } from "../message/extension.ts"
import { At, Flag, Kind } from "../message/header.ts"
import { TopicKind } from "../message/topic.ts"
import type { EndpointStatistics, GapReason } from "./api.ts"
import type { Frame } from "./frame.ts"
import { type GapReports, vagueGap } from "./gap-reports.ts"
import { HeldGaps, type OriginGap } from "./held-gaps.ts"
import { Reigned } from "./order-reigns.ts"
import type { Origins } from "./origins.ts"
import { type AnyStream, isUnordered, type ParkedStreams } from "./parked-streams.ts"
import type { Sides } from "./sides.ts"
import { Offer, type Stream } from "./stream.ts"
import { commonPlaces, keptPlaces, type StreamPlace, type StreamRun } from "./stream-runs.ts"
import type { Heard, Origin, TopicState } from "./topic-state.ts"

/** The first number of a stream that its hosts know of, and the last they have passed on; `last` below `first`: none. */
interface Position {
  readonly first: number
  readonly last: number
}

export interface ResequencerOptions {
  readonly sides: Sides
  readonly origins: Origins
  readonly parked: ParkedStreams
  readonly gaps: GapReports
  readonly statistics: { -readonly [K in keyof EndpointStatistics]: EndpointStatistics[K] }
  /** A frame is in its place: it goes to our receivers, and on to those below. */
  readonly pass: (topic: TopicState, frame: Frame, origin: Origin, sequence: number) => void
  /** A frame is nothing new here, and may be to those below, who judge for themselves. */
  readonly republish: (topic: TopicState, frame: Frame, origin: Origin) => void
}

export class Resequencer {
  readonly #o: ResequencerOptions
  readonly #origins: Origins
  readonly #parked: ParkedStreams
  readonly #gaps: GapReports
  readonly #heldGaps = new HeldGaps()
  readonly #statistics: ResequencerOptions["statistics"]
  /** From the loss of a host to the first baseline of the next. Another reign's numbers wait for that. */
  isRebasing = false
  /** Between a rejoin and the end of the repair that follows it, any topic may have holes. */
  resyncing = false

  constructor(options: ResequencerOptions) {
    this.#o = options
    this.#origins = options.origins
    this.#parked = options.parked
    this.#gaps = options.gaps
    this.#statistics = options.statistics
  }

  // ---- frames ----

  /** `link` is our link there: a frame that arrived there by it has been seen here. */
  take(topic: TopicState, frame: Frame, link: number): void {
    if (topic.route === "ordered") {
      this.#takeOrdered(topic, frame)
      return
    }
    if (readU32(frame.header, frame.at + At.Link) === link) return
    const sequence = frame.sequence
    let stream = topic.stream(frame.header, frame.at + At.Origin)
    if (stream === undefined) {
      const origin = this.#origins.at(frame.header, frame.at + At.Origin)
      if (origin === this.#origins.self) return
      // Nothing is known of this origin here. With no hole open on the topic, this frame is its start.
      const floating = (topic.repairing > 0 || this.resyncing) && !isUnordered(topic)
      stream = this.#parked.open(topic, origin, floating ? 1 : sequence, floating)
      stream.forgotten = mayBeForgotten(topic)
      if (!floating) this.#missedBefore(topic, origin, sequence)
    } else if (stream.key === this.#origins.self) return
    const origin = stream.key
    if ((frame.flags & Flag.Covers) !== 0) this.#cover(topic, frame, stream)
    switch (this.#parked.offer(topic, stream, sequence)) {
      case Offer.Deliver:
        stream.forgotten = false
        this.#o.pass(topic, frame, origin, sequence)
        if (stream.parked > 0) this.#releaseNearest(topic, stream)
        break
      case Offer.Duplicate:
        this.#statistics.duplicates++
        break
      case Offer.Park:
        this.#parked.park(topic, stream, sequence, frame)
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
        const covered = this.#origins.at(origin, 0)
        if (covered !== this.#origins.self) this.#parked.open(topic, covered, through + 1)
        continue
      }
      stream.advanceTo(through + 1)
      this.#releaseNearest(topic, stream)
    }
  }

  #takeOrdered(topic: TopicState, frame: Frame): void {
    const number = frame.order
    const { epoch } = frame
    const reigned = topic.reigns.judge(epoch, number, topic.order?.next ?? 0)
    if (reigned === Reigned.Stale) {
      this.#statistics.duplicates++
      return
    }
    let stream = topic.order
    if (stream === undefined) {
      const floating = topic.repairing > 0 || this.resyncing
      stream = this.#parked.openOrder(topic, floating ? 1 : number, floating)
    }
    this.#void(topic, stream, number, epoch, reigned)
    // Where that reign began, the new host's baseline tells.
    if (this.isRebasing && number === stream.next && topic.reigns.begins(epoch)) {
      this.#parked.park(topic, stream, number, frame)
      return
    }
    if ((frame.flags & Flag.Covers) !== 0) {
      stream.advanceTo(number)
      this.#release(topic, stream)
    }
    switch (this.#parked.offer(topic, stream, number)) {
      case Offer.Deliver:
        this.#passOrdered(topic, frame)
        if (stream.parked > 0) this.#releaseOrdered(topic, stream)
        break
      case Offer.Duplicate:
        this.#statistics.duplicates++
        break
      case Offer.Park:
        this.#parked.park(topic, stream, number, frame)
        break
      case Offer.Overflow:
        this.#overflow(topic, stream, number, frame)
    }
  }

  /** The topic's numbers from that one on are not of a lower epoch: what came of one goes. */
  #void(topic: TopicState, stream: Stream<undefined>, from: number, epoch: number, reigned: Reigned): void {
    if (stream.parked > 0) {
      stream.purge((parked, { epoch: of }) => of < epoch && parked >= from)
      this.#parked.released(stream)
    }
    if (reigned === Reigned.Rewind) this.#rewind(topic, stream, from, epoch)
  }

  /** The host above has given up numbers of a lower epoch. The first frames of the next may never have come to it. */
  #takeReign(topic: TopicState, from: number, epoch: number): void {
    const stream = topic.order
    if (stream === undefined || epoch === 0) return
    const reigned = topic.reigns.judge(epoch, from, stream.next)
    if (reigned === Reigned.Stale) return
    this.#void(topic, stream, from, epoch, reigned)
    this.#gaps.tellReign(topic, epoch, from)
  }

  /** R5: what was heard from that number on is not part of the order. */
  #rewind(topic: TopicState, stream: Stream<undefined>, from: number, epoch: number): void {
    const through = stream.next - 1
    stream.rewind(from)
    topic.reigns.cut(from - 1)
    topic.rewound()
    this.#gaps.diverged(topic, epoch, { from, through })
  }

  /**
   * R5: the topic's numbers were given in those reigns. Of what was heard of another the numbers are void. `last`: where
   * the order stands, where that is known for certain.
   */
  compareReigns(topic: TopicState, runs: readonly StreamRun[], epoch: number, last?: number): void {
    const stream = topic.order
    if (runs.length === 0) return
    // A host's memory holds what it passed on before it knew better, and a repair brings it.
    const news = topic.reigns.told(runs)
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
    topic.reigns.adopt(runs)
    if (kept < heard.order) {
      stream.purge((_number, frame) => frame.epoch < epoch)
      this.#parked.released(stream)
      this.#rewind(topic, stream, kept + 1, epoch)
      this.#gaps.tellReign(topic, runs.find(run => run.first > kept)?.epoch ?? epoch, kept + 1)
    }
    // Those below may have heard more before they came here.
    for (const run of news) this.#gaps.tellReign(topic, run.epoch, (run.after ?? run.first - 1) + 1)
  }

  /** The host above has lost frames of a stream for good: they count as come, once those before them have. */
  takeGap(topic: TopicState, frame: Frame): void {
    const [from, through] = [frame.order, frame.sequence]
    if (through < from) {
      this.#takeReign(topic, from, frame.epoch)
      return
    }
    if (frame.codec === vagueGap) {
      this.#gaps.reportVague(topic, from, through, "lost")
      return
    }
    const isOfOrder = isNobody(frame.header, frame.at + At.Origin)
    const origin = isOfOrder ? undefined : this.#origins.at(frame.header, frame.at + At.Origin)
    if (origin === this.#origins.self) return
    if (topic.route === "ordered" && origin !== undefined) {
      const gap = { origin, from, through }
      if (!this.#isBehind(topic) || !this.#heldGaps.hold(topic, gap)) this.#passOriginGap(topic, gap)
      return
    }
    let stream: AnyStream | undefined = origin === undefined ? topic.order : topic.stream(origin.bytes, 0)
    if (stream === undefined) {
      const floating = (topic.repairing > 0 || this.resyncing) && !isUnordered(topic)
      const next = floating ? 1 : from
      if (origin === undefined) stream = this.#parked.openOrder(topic, next, floating)
      else {
        stream = this.#parked.open(topic, origin, next, floating)
        stream.forgotten = mayBeForgotten(topic)
      }
    }
    if (through < stream.next) return
    if (from > stream.next || stream.floating) {
      if (stream.offer(from) === Offer.Park) this.#parked.park(topic, stream, from, frame)
      return
    }
    this.#passGap(topic, stream, frame)
    this.#release(topic, stream)
  }

  /**
   * Between two reigns of roots without memory, what an origin sent on an ordered topic is missed by its own numbers. What
   * the host above had before its gap, and we had not, may have been of a reign that never came here: it is missed as well.
   */
  #passOriginGap(topic: TopicState, { origin, from, through }: OriginGap): void {
    const heard = topic.heard(origin.bytes, 0)
    if (heard === undefined) {
      topic.hear(origin, through + 1)
      this.#gaps.report(topic, origin, { from, through }, "lost")
      return
    }
    const isMissedBefore = from > heard.next && isLostAbove(topic, heard, from)
    const first = isMissedBefore ? heard.next : Math.max(from, heard.next)
    if (!heard.current || heard.next <= through) heard.skipped = topic.skipped
    heard.current = true
    heard.next = Math.max(heard.next, through + 1)
    this.#gaps.report(topic, origin, { from: first, through }, "lost")
  }

  #passHeldGaps(topic: TopicState): void {
    if (this.#isBehind(topic)) return
    for (const gap of this.#heldGaps.release(topic)) this.#passOriginGap(topic, gap)
  }

  /** Whether frames of the ordered topic may still come that were published before those that have. */
  #isBehind({ repairing, order }: TopicState): boolean {
    return repairing > 0 || this.resyncing || (order !== undefined && (order.floating || order.parked > 0))
  }

  /** A parked one, when it is released, has moved the stream on past its first number already. */
  #passGap(topic: TopicState, stream: AnyStream, frame: Frame, isReleased = false): void {
    const from = isReleased ? frame.order : Math.max(frame.order, stream.next)
    stream.advanceTo(frame.sequence + 1)
    this.#report(topic, stream, { from, through: frame.sequence }, "lost")
  }

  /** Those numbers of the stream are lost. */
  #report(topic: TopicState, stream: AnyStream, range: { from: number; through: number }, reason: GapReason): void {
    const { key } = stream
    if (key !== undefined && stream.forgotten) this.#gaps.reportForgotten(topic, key, range, reason)
    else this.#gaps.report(topic, key, range, reason)
  }

  #passOrdered(topic: TopicState, frame: Frame): void {
    const origin = this.#origins.at(frame.header, frame.at + At.Origin)
    const sequence = frame.sequence
    this.#note(topic, frame)
    topic.countOrder(frame.order, true)
    if (origin === this.#origins.self) {
      this.#o.pass(topic, frame, origin, sequence)
      return
    }
    const heard = topic.heard(origin.bytes, 0)
    if (heard === undefined) topic.hear(origin, sequence + 1)
    else if (sequence < heard.next) {
      // Its origin sent it again to a root without memory, which numbered it anew. Those below judge for themselves.
      this.#statistics.duplicates++
      this.#o.republish(topic, frame, origin)
      return
    } else {
      if (isLostAbove(topic, heard, sequence))
        this.#gaps.report(topic, origin, { from: heard.next, through: sequence - 1 }, "lost")
      heard.current = true
      heard.next = sequence + 1
      heard.skipped = topic.skipped
    }
    this.#o.pass(topic, frame, origin, sequence)
  }

  /** Those below may have heard what the reign of that frame has voided before it, and what it has there may be lost. */
  #note(topic: TopicState, frame: Frame): void {
    const from = topic.reigns.note(frame.epoch, frame.order)
    if (from !== undefined) this.#gaps.tellReign(topic, frame.epoch, from)
  }

  /** Before what is lost below the stream's parked frame is told. */
  #noteParked(topic: TopicState, stream: AnyStream, number: number): void {
    const frame = stream.key === undefined ? stream.parkedAs(number) : undefined
    if (frame !== undefined && frame.kind !== Kind.Gap) this.#note(topic, frame)
  }

  // ---- parked frames ----

  #overflow(topic: TopicState, stream: AnyStream, number: number, frame: Frame): void {
    if (topic.repairing === 0 && !this.resyncing) {
      this.#parked.park(topic, stream, number, frame)
      this.#giveUp(topic, stream, "lost")
      return
    }
    // The repair may bring what is missing, and the host keeps what we have no room for now.
    for (const excess of this.#parked.displace(stream, number, frame)) this.#o.sides.up!.putOff(topic, excess)
  }

  #releaseNearest(topic: TopicState, stream: Stream<Origin>): void {
    for (let frame = stream.release(); frame !== undefined; frame = stream.release()) {
      if (frame.kind === Kind.Gap) {
        this.#passGap(topic, stream, frame, true)
        continue
      }
      stream.forgotten = false
      this.#o.pass(topic, frame, stream.key, frame.sequence)
    }
    this.#parked.released(stream)
  }

  #releaseOrdered(topic: TopicState, stream: Stream<undefined>): void {
    for (let frame = stream.release(); frame !== undefined; frame = stream.release()) {
      if (frame.kind === Kind.Gap) this.#passGap(topic, stream, frame, true)
      else this.#passOrdered(topic, frame)
    }
    this.#parked.released(stream)
    this.#passHeldGaps(topic)
  }

  /** L5: unsubscribing forgets receive state. */
  forget(topic: TopicState): void {
    for (const stream of this.#parked.on(topic)) this.#parked.clear(stream)
    this.#heldGaps.release(topic)
    topic.forgetStreams()
  }

  /** Goes on from the lowest parked frame, reporting what is given up. */
  #giveUp(topic: TopicState, stream: AnyStream, reason: GapReason): void {
    const floating = stream.floating
    stream.floating = false
    const range = stream.skip()
    if (range !== undefined && floating) this.#missedBefore(topic, stream.key, range.through + 1)
    else if (range !== undefined) {
      this.#noteParked(topic, stream, stream.next)
      this.#report(topic, stream, range, reason)
    }
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

  /** A repair on the topic has ended: what it did not bring is lost. */
  repairEnded(topic: TopicState, reason: GapReason): void {
    for (const stream of this.#parked.on(topic)) {
      if (topic.repairing > 0) break
      this.#giveUp(topic, stream, reason)
    }
    this.#passHeldGaps(topic)
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
        if (isLostAbove(topic, heard, last + 1))
          this.#gaps.report(topic, origin, { from: heard.next, through: last }, reason)
        heard.current = true
        heard.next = Math.max(heard.next, last + 1)
        heard.skipped = topic.skipped
      }
      return
    }
    const stream = origin === undefined ? topic.order : topic.stream(origin.bytes, 0)
    if (stream === undefined) {
      if (reason !== undefined) {
        this.#missedBefore(topic, origin, first)
        const range = { from: first, through: last }
        if (origin !== undefined && mayBeForgotten(topic)) this.#gaps.reportForgotten(topic, origin, range, reason)
        else this.#gaps.report(topic, origin, range, reason)
      }
      if (origin === undefined) {
        this.#parked.openOrder(topic, last + 1, false, first)
        topic.countOrder(last, false)
      } else this.#parked.open(topic, origin, last + 1, false, first)
      return
    }
    stream.first = Math.min(stream.first, first)
    if (reason === undefined) return
    if (stream.floating) this.#missedBefore(topic, origin, first)
    this.#begin(topic, origin, first)
    while (stream.next <= last) {
      const lowest = stream.lowestParked()
      if (lowest === undefined && belowParked) return
      const through = Math.min(last, (lowest ?? Number.POSITIVE_INFINITY) - 1)
      this.#noteParked(topic, stream, through + 1)
      if (!isUnordered(topic)) this.#report(topic, stream, { from: stream.next, through }, reason)
      stream.advanceTo(through + 1)
      this.#release(topic, stream)
    }
    if (origin === undefined) topic.countOrder(stream.next - 1, false)
  }

  /**
   * An origin of which nothing is known begins there, on a topic that was followed all the while: what it sent before went
   * to a root that passed it on to others, and is no more. How much of it was before the topic was left and followed anew
   * is not known.
   */
  #missedBefore(topic: TopicState, origin: Origin | undefined, first: number): void {
    if (origin === undefined || topic.kind !== TopicKind.Nearest || first <= 1) return
    if (this.#o.sides.up?.continues(topic) !== true) return
    const { arrived, followedAnew } = topic
    if (followedAnew) this.#gaps.reportVague(topic, Math.max(1, arrived), Math.max(1, arrived), "lost")
    else this.#gaps.report(topic, origin, { from: 1, through: first - 1 }, "lost")
  }

  /** A stream whose start was open begins there. */
  #begin(topic: TopicState, origin: Origin | undefined, first: number): void {
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
      this.#parked.clear(stream)
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
    if (topic.route === "nearest" && this.#o.sides.up?.follows(topic) === true) this.#parked.open(topic, origin, 1)
    else this.openFromBelow(topic, origin, first)
  }

  /** Nothing is known of an origin below: it begins here with that number. */
  openFromBelow(topic: TopicState, origin: Origin, first: number): Stream<Origin> {
    const stream = this.#parked.open(topic, origin, first)
    // Where a host is above, what came before comes from there, or is told from there.
    if (this.#o.sides.up?.follows(topic) !== true) this.#missedBefore(topic, origin, first)
    return stream
  }

  /** A root without memory numbers ordered topics anew: what waits for numbers of the old reign waits in vain. */
  newReign(topic: TopicState): void {
    const stream = topic.order
    if (stream !== undefined) while (stream.parked > 0) this.#giveUp(topic, stream, "lost")
    for (const gap of this.#heldGaps.release(topic)) this.#passOriginGap(topic, gap)
    topic.newReign()
  }
}

/**
 * Whether an origin's numbers before that one are missed by their own count: more of them are missing than of the order,
 * so that some never had a place in it, as when a root without memory takes the place of one that had them.
 */
function isLostAbove(topic: TopicState, heard: Heard, number: number): boolean {
  return !heard.current || number - heard.next > topic.skipped - heard.skipped
}

/** Whether what was known of the topic's origins, each by its own numbers, went when it was left. */
function mayBeForgotten(topic: TopicState): boolean {
  return topic.followedAnew && topic.kind === TopicKind.Nearest
}

/** Whether no origin's id stands there, but zeros. */
function isNobody(header: Uint8Array, at: number): boolean {
  for (let i = at; i < at + 16; i++) if (header[i] !== 0) return false
  return true
}

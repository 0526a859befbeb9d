/**
 * What the host publishes, as it arrives (L5, L6): notices from publish numbers, marks and heartbeats what has not come,
 * has it repaired, settles streams by the positions of a baseline, and hands the frames to the node.
 */
import { equalBytes, readU32, readU64, toHex } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import { type Accept, type Baseline, decodeBaseline, decodeMark, type Repair } from "../../message/control.ts"
import { readExtensions } from "../../message/extension.ts"
import { At, Flag, isHeader, Kind } from "../../message/header.ts"
import { patternTakesIn, TopicKind } from "../../message/topic.ts"
import { Frame } from "../frame.ts"
import type { Node } from "../node.ts"
import { directTopicBytes, directUpTopic, isPrivate, markTopic } from "../private-topic.ts"
import type { Range } from "../repair-range.ts"
import type { TopicState } from "../topic-state.ts"
import type { Answered, Interests } from "./interests.ts"
import { LookBack } from "./look-back.ts"
import { MarkTrack } from "./mark-track.ts"
import { type Asked, Repairs } from "./repairs.ts"

export interface DownLegOptions {
  readonly node: Node
  readonly interests: Interests
  readonly linked: () => boolean
  readonly requestRepair: (id: number, ranges: readonly Range[]) => void
  /** Asks for the positions of these topics, of which something is lost; or of everything wanted. */
  readonly settle: (topics: readonly TopicState[]) => void
  readonly syncAll: () => void
  /** The baseline that was asked for came. */
  readonly onBaseline: (baseline: Baseline) => void
  readonly onViolation: (thrown: unknown) => void
  /** At a relay: a direct message for somebody below. */
  readonly onward: ((frame: Frame) => void) | undefined
}

/** Octets of direct messages for others that wait for the repair of earlier ones; past this they go on without. */
const onwardBytesMax = 8 * 1024 * 1024

export class DownLeg {
  readonly #o: DownLegOptions
  readonly #node: Node
  readonly #interests: Interests
  readonly #frame = new Frame()
  readonly #directUp: TopicState
  readonly #marks = new MarkTrack()
  readonly #repairs: Repairs
  /** The host's numbering, and our link there; 0 before the first ACCEPT. */
  #incarnation = 0
  #link = 0
  #directTopic: TopicState | undefined
  /** The direct messages a heartbeat spoke of that had not come by then. */
  #directBehind: { readonly arrived: number; readonly through: number } | undefined
  #through = 0
  /** From a loss until the baseline: the publish number from which on things may be missing. */
  #missedFrom: number | undefined
  /** The host that is being left, while it still delivers. */
  #former:
    | { readonly incarnation: number; readonly link: number; readonly directTopic: TopicState | undefined }
    | undefined
  /** The host is another than the one that things were missed of. */
  #isElsewhere = false
  /** What of that host's frames has not been asked for yet. */
  #lookBack: LookBack | undefined
  /** The last link ended because we were too slow: begin afresh at the next baseline, without repair. */
  #isSnail = false
  /** Publish numbers, by topic, of frames that came during a repair and found no place. */
  readonly #late = new Map<TopicState, { readonly after: number; readonly through: number }>()
  /** Topics whose positions are settled only when what was late has come. */
  readonly #unsettled = new Map<TopicState, Baseline>()
  /** Direct messages for those below that came while earlier ones are under repair, by publish number. */
  readonly #onward = new Map<number, Frame>()
  #onwardBytes = 0

  constructor(options: DownLegOptions) {
    this.#o = options
    this.#node = options.node
    this.#interests = options.interests
    this.#directUp = this.#node.topics.of(directUpTopic)
    this.#repairs = new Repairs({
      clock: this.#node.clock,
      linked: options.linked,
      send: options.requestRepair,
      topicOf: bytes => this.#node.topics.of(bytes),
      onEnded: (asked, lost) => this.#repaired(asked, lost),
    })
  }

  get incarnation(): number {
    return this.#incarnation
  }
  get link(): number {
    return this.#link
  }
  /** Everything up to this publish number has come or is known missing. */
  get through(): number {
    return this.#through
  }
  /** The last mark that came. */
  get marked(): number {
    return this.#marks.seen
  }

  // ---- the link's life ----

  /**
   * A host has taken us. `newReign`: the root of its tree has no memory of before. True when the host itself has none, or
   * is another: its numbers mean something else from now on.
   */
  accepted(accept: Accept, newReign: boolean): boolean {
    const node = this.#node
    const regenerated = this.#incarnation !== 0 && this.#incarnation !== accept.incarnation
    for (const topic of node.topics.all) topic.repairing = 0
    if (this.#incarnation === accept.incarnation) {
      const late = [...this.#late].map(([topic, range]) => ({ topic: topic.bytes, ...range }))
      this.#repairs.relinked([...late, ...(this.#lookBack?.rest ?? [])])
    } else {
      for (const topic of node.topics.all) {
        topic.arrived = -1
        if (newReign) node.resequencer.newReign(topic)
      }
      if (regenerated && !newReign && accept.epoch === node.epoch) node.resequencer.forgetFloating()
      this.#interests.forgetBases()
      node.topics.arrivedFloor = -1
      this.#through = 0
      this.#marks.forgetSeen()
      if (this.#missedFrom !== undefined) {
        this.#missedFrom = 0
        this.#isElsewhere = true
      }
      this.#repairs.forget()
    }
    this.#lookBack = undefined
    this.#marks.unset()
    this.#directBehind = undefined
    this.#interests.forgetAsked()
    this.#unsettled.clear()
    this.#late.clear()
    this.#incarnation = accept.incarnation
    this.#link = accept.link
    if (!accept.resumed && this.#directTopic !== undefined) {
      // What waited for the old session went with it.
      const gone = this.#directTopic
      this.#repairs.forgetMissing(range => equalBytes(range.topic, gone.bytes))
    }
    // Those numbers were of the old link, where nothing more can come between them.
    if (this.#onward.size > 0 && (!accept.resumed || regenerated)) this.#letOnward()
    this.#directTopic = node.topics.of(directTopicBytes(accept.privatePrefix))
    this.#directTopic.kept = true
    if (!accept.resumed) {
      this.#directTopic.arrived = 0
      this.#marks.forgetSeen()
    }
    return regenerated
  }

  /** The link is up: asks for the holes noticed between the baseline and now. */
  up(): void {
    this.#repairs.askMissing()
  }

  /** The subscriptions are lost, or the whole link: things may be missing until the next baseline and its repair. */
  lost(): void {
    if (!this.#isSnail) this.#missFrom(this.#marks.verified)
  }

  /** The host ended the link because we were too slow: at the next baseline all begins afresh. */
  startAfresh(): void {
    this.#isSnail = true
    this.#missedFrom = undefined
    this.#node.resequencer.resyncing = true
    this.#node.resequencer.isRebasing = true
  }

  /** There is no host any more: the endpoint is the root. What is missing nobody will bring. */
  crowned(): void {
    const node = this.#node
    this.#missedFrom = undefined
    this.#isSnail = false
    this.#repairs.forget()
    this.#late.clear()
    this.#unsettled.clear()
    node.resequencer.resyncing = false
    node.resequencer.isRebasing = false
    for (const topic of node.topics.all) {
      topic.repairing = 0
      node.resequencer.repairEnded(topic, "lost")
    }
    this.#letOnward()
    node.batchEnded()
  }

  /** Another host takes the place of the present one, which goes on delivering until `settled`. */
  switching(): void {
    const former = { incarnation: this.#incarnation, link: this.#link, directTopic: this.#directTopic }
    this.lost()
    this.#former = former
  }

  /** What was missed before the last baseline has come, or was told. */
  get isSettled(): boolean {
    return this.#missedFrom === undefined && !this.#node.resequencer.resyncing
  }

  /** The host that was left says no more. */
  left(): void {
    this.#former = undefined
  }

  /** What the host that is being left publishes: what it misses is the new host's business. */
  publishedByFormer(batch: FrameBatch): void {
    const { first, buffers, starts, ends } = batch
    const { topics } = this.#node
    for (let i = 0; i < batch.count && this.#former !== undefined; i++) {
      const at = first[i]!
      if (first[i + 1]! - at !== 3 || !isHeader(buffers[at + 1]!, starts[at + 1]!, ends[at + 1]!, false)) continue
      const frame = Frame.over(
        buffers[at + 1]!.subarray(starts[at + 1]!, ends[at + 1]!),
        buffers[at + 2]!.subarray(starts[at + 2]!, ends[at + 2]!),
      )
      const { incarnation, link, directTopic } = this.#former
      if (readU32(frame.header, frame.at + At.Incarnation) !== incarnation) continue
      if ([Kind.Baseline, Kind.Mark, Kind.Gap].some(kind => kind === frame.kind)) continue
      const topic = topics.at(buffers[at]!, starts[at]!, ends[at]!)
      if (!isPrivate(topic.bytes)) this.#node.resequencer.take(topic, frame, link)
      else if (topic !== directTopic) continue
      else if (this.#o.onward !== undefined && !this.#isForUs(frame)) this.#o.onward(frame)
      else this.#node.resequencer.take(this.#directUp, frame, -1)
    }
    this.#node.batchEnded()
  }

  /** Asks again for repairs that were not answered. */
  tick(patienceMs: number, silent: boolean): void {
    this.#repairs.retry(patienceMs, silent)
  }

  /** From that publish number on things may be missing, until the next baseline and the repair that follows it. */
  #missFrom(number: number): void {
    this.#missedFrom ??= number
    this.#node.resequencer.resyncing = true
    this.#node.resequencer.isRebasing = true
  }

  // ---- frames ----

  published(batch: FrameBatch): void {
    const frame = this.#frame
    const { first, buffers, starts, ends } = batch
    const { topics, traffic } = this.#node
    for (let i = 0; i < batch.count; i++) {
      const at = first[i]!
      if (first[i + 1]! - at !== 3 || !isHeader(buffers[at + 1]!, starts[at + 1]!, ends[at + 1]!, false)) {
        this.#o.onViolation(
          new ZincError("BadFrame", "the host published a message that is not topic, header and payload"),
        )
        continue
      }
      frame.header = buffers[at + 1]!
      frame.at = starts[at + 1]!
      frame.headerEnd = ends[at + 1]!
      frame.body = buffers[at + 2]!
      frame.start = starts[at + 2]!
      frame.end = ends[at + 2]!
      // Frames of another life of this host: its numbers mean nothing here.
      if (readU32(frame.header, frame.at + At.Incarnation) !== this.#incarnation) continue
      if (frame.kind !== Kind.Mark) {
        traffic.messagesIn++
        traffic.bytesIn += frame.headerEnd - frame.at + frame.payloadBytes
      }
      try {
        this.#noticeHoles(topics.at(buffers[at]!, starts[at]!, ends[at]!), frame)
      } catch (thrown) {
        this.#o.onViolation(thrown)
      }
    }
    // What is published says nothing of the control leg (L9): a host that has forgotten us may publish on.
    this.#node.batchEnded()
  }

  /** The publish number from which on everything of that topic comes; of one that was forgotten, from there on. */
  #baseOf(topic: Uint8Array): number | undefined {
    const base = this.#interests.baseOf(topic)
    return base === undefined ? undefined : Math.max(base, this.#node.topics.arrivedFloor)
  }

  #noticeHoles(topic: TopicState, frame: Frame): void {
    const number = readU64(frame.header, frame.at + At.Number)
    const previous = readU64(frame.header, frame.at + At.Previous)
    // While a rejoin's baseline is awaited, the repair that follows it covers everything.
    if (this.#missedFrom === undefined) {
      let arrived = topic.arrived
      if (arrived < 0) arrived = topic === this.#directTopic ? 0 : (this.#baseOf(topic.bytes) ?? -1)
      if (arrived >= 0) {
        if (previous > arrived) this.#hole({ topic: topic.bytes, after: arrived, through: previous }, topic)
        topic.arrived = number > arrived ? number : arrived
      }
    }
    if (number > this.#through) this.#through = number
    this.#take(topic, frame)
  }

  #take(topic: TopicState, frame: Frame): void {
    const node = this.#node
    switch (frame.kind) {
      case Kind.Baseline:
        if (isPrivate(topic.bytes)) this.#onBaseline(decodeBaseline(frame.payload()))
        return
      case Kind.Mark:
        if (topic.kind === TopicKind.System) this.#onMark(frame)
        return
      case Kind.Gap:
        if (!isPrivate(topic.bytes)) node.resequencer.takeGap(topic, frame)
        return
    }
    if (isPrivate(topic.bytes)) {
      if (topic !== this.#directTopic) return
      node.statistics.received++
      if (this.#o.onward !== undefined && !this.#isForUs(frame)) {
        this.#sendOnward(topic, frame)
        return
      }
      node.resequencer.take(this.#directUp, frame, -1)
      return
    }
    node.statistics.received++
    node.resequencer.take(topic, frame, this.#link)
  }

  #isForUs(frame: Frame): boolean {
    const { target } = readExtensions(frame.headerView())
    return target === undefined || equalBytes(target, this.#node.self.bytes)
  }

  /** For somebody below: in the order of publish numbers, whatever a repair brings late. */
  #sendOnward(topic: TopicState, frame: Frame): void {
    if (topic.repairing === 0 && !this.#node.resequencer.resyncing) {
      this.#o.onward!(frame)
      return
    }
    const kept = frame.keep()
    this.#onward.set(readU64(frame.header, frame.at + At.Number), kept)
    this.#onwardBytes += kept.end
    if (this.#onwardBytes > onwardBytesMax) this.#letOnward()
  }

  /** Those that waited for a repair go on: it has ended. */
  #repairedOnward(): void {
    if (this.#onward.size === 0 || this.#node.resequencer.resyncing || (this.#directTopic?.repairing ?? 0) > 0) return
    this.#letOnward()
  }

  #letOnward(): void {
    const waiting = [...this.#onward].sort(([a], [b]) => a - b)
    this.#onward.clear()
    this.#onwardBytes = 0
    for (const [, frame] of waiting) this.#o.onward!(frame)
  }

  #onMark(frame: Frame): void {
    const mark = decodeMark(frame.payload())
    const number = Number(mark.number)
    this.#marks.see(number)
    if (!this.#marks.isNew(number) || this.#missedFrom !== undefined) return
    // A conflated mark stands for those before it; what they spoke of was conflated too.
    if ((frame.flags & Flag.Covers) !== 0) this.#marks.cover(number)
    // What the mark says was published and has not come by now was dropped before it.
    for (const { topic: bytes, number: last } of mark.topics) {
      const base = this.#baseOf(bytes)
      if (base === undefined) continue
      const topic = this.#node.topics.of(bytes)
      const arrived = topic.arrived < 0 ? base : topic.arrived
      if (Number(last) <= arrived) continue
      this.#hole({ topic: bytes, after: arrived, through: Number(last) }, topic)
      topic.arrived = Number(last)
    }
    this.#marks.take(number, Number(mark.published))
  }

  /** Marks do not speak of private topics: what a heartbeat says of direct messages and has not come by the next is lost. */
  heartbeat(direct: number): void {
    const topic = this.#directTopic
    if (topic === undefined || this.#missedFrom !== undefined || !this.#o.linked()) return
    const arrived = Math.max(0, topic.arrived)
    const behind = this.#directBehind
    this.#directBehind = direct > arrived ? { arrived, through: direct } : undefined
    if (behind === undefined || behind.arrived !== arrived || behind.through <= arrived) return
    this.#directBehind = undefined
    this.#hole({ topic: topic.bytes, after: arrived, through: behind.through }, topic)
    topic.arrived = behind.through
  }

  // ---- baselines ----

  #onBaseline(baseline: Baseline): void {
    const asked = this.#interests.answered(baseline.number, baseline.refused)
    if (asked === undefined) return
    this.#o.onBaseline(baseline)
    const published = Number(baseline.published)
    const from = asked.all ? this.#missedFrom : undefined
    if (asked.all) this.#node.resequencer.isRebasing = false
    for (const { topic, origin, reigns } of baseline.positions) {
      if (origin.length > 0 || reigns.length === 0) continue
      const runs = reigns.map(({ epoch, first }) => ({ epoch, first: Number(first) }))
      this.#node.resequencer.compareReigns(this.#node.topics.of(topic), runs, this.#node.epoch)
    }
    // A new interest's streams begin where the positions say, but not on topics that were followed already.
    const isNew = (topic: TopicState) =>
      asked.fresh.some(interest => patternTakesIn(interest.prefix, topic.bytes)) &&
      !this.#interests.isFollowed(topic.bytes)
    this.#settle(baseline, undefined, isNew)
    this.#interests.begin(asked, published, from !== undefined)
    if (this.#marks.isUnset || from !== undefined) this.#marks.begin(Number(baseline.mark), published)
    if (this.#isSnail && asked.all) {
      // A fresh start, and it is told what it missed.
      this.#isSnail = false
      this.#endResync({ lost: [], baseline, reason: "slow", only: topic => !isNew(topic) })
    } else if (from !== undefined) {
      this.#missedFrom = undefined
      this.#startResync(asked, from, baseline)
    }
    if (asked.settling.length > 0) this.#settleLost(asked.settling, baseline)
    this.#repairedOnward()
    this.#interests.tell(asked)
  }

  /** Asks for all that was published since `from`, up to the baseline, on what was followed before. */
  #startResync({ followed }: Answered, from: number, baseline: Baseline): void {
    const through = Number(baseline.published)
    const ranges: Range[] = [...this.#repairs.takeMissing()]
    const prefixes = followed.map(({ prefix }) => prefix).filter(prefix => prefix !== markTopic)
    if (this.#isElsewhere) {
      const isFollowed = (topic: Uint8Array) => prefixes.some(prefix => patternTakesIn(prefix, topic))
      this.#lookBack = new LookBack(this.#node, baseline, prefixes, isFollowed)
      ranges.push(...this.#lookBack.next())
    } else if (through > from) {
      for (const prefix of prefixes) ranges.push({ topic: prefix, after: from, through })
    }
    this.#isElsewhere = false
    const direct = this.#directTopic
    if (direct !== undefined && through > Math.max(0, direct.arrived))
      ranges.push({ topic: direct.bytes, after: Math.max(0, direct.arrived), through })
    for (const topic of this.#node.topics.all) {
      if (topic.arrived >= 0 && topic.arrived < through && topic !== direct) topic.arrived = through
    }
    if (ranges.length === 0) this.#endResync({ lost: [], baseline, reason: "lost" })
    else this.#repairs.ask({ ranges, topics: [], resync: baseline })
  }

  #endResync(end: {
    readonly lost: readonly Range[]
    readonly baseline: Baseline
    readonly reason: "slow" | "lost"
    readonly only?: (topic: TopicState) => boolean
  }): void {
    const node = this.#node
    const { baseline, reason } = end
    const only = end.only ?? (() => true)
    const late = new Set(this.#late.keys())
    for (const topic of late) this.#askLate(topic)
    node.resequencer.resyncing = this.#missedFrom !== undefined || this.#repairs.isResyncing
    this.#settle(baseline, reason, only, late)
    for (const topic of late) {
      this.#unsettled.set(topic, baseline)
      this.#beginLate(topic)
    }
    if (!node.resequencer.resyncing) for (const topic of node.topics.all) node.resequencer.repairEnded(topic, reason)
    for (const range of end.lost) {
      for (const topic of node.topics.matching(range.topic)) {
        // Positions tell exactly what is missing of numbered streams; documents take fragments in any order and compare
        // versions whenever something may have been lost.
        if (baseline.positionsComplete && topic.kind !== TopicKind.Document && !isPrivate(topic.bytes)) continue
        node.gaps.reportVague(this.#streamsOf(topic), range.after + 1, range.through, reason)
      }
    }
    node.batchEnded()
  }

  /** `reason`: report what the positions pass over; undefined: only open streams that are not known. */
  #settle(
    baseline: Baseline,
    reason: "slow" | "lost" | undefined,
    only: (topic: TopicState) => boolean = () => true,
    late: ReadonlySet<TopicState> = new Set(),
  ): void {
    const node = this.#node
    const behind = new Set<TopicState>()
    for (const { topic: bytes, origin: from, first, last } of baseline.positions) {
      const topic = node.topics.of(bytes)
      if (!only(topic)) continue
      const origin = from.length === 16 ? node.origins.at(from, 0) : undefined
      // Of an ordered topic that has frames to come, what its origins sent by then is not heard yet.
      if (origin === node.self || (origin !== undefined && behind.has(topic))) continue
      node.resequencer.settle(topic, origin, { first: Number(first), last: Number(last) }, reason, late.has(topic))
      if (origin === undefined && topic.order !== undefined && topic.order.next <= Number(last)) behind.add(topic)
    }
    node.batchEnded()
  }

  /** A repair of these topics found something lost, and here are their positions. */
  #settleLost(topics: readonly TopicState[], baseline: Baseline): void {
    for (const topic of topics) this.#doubt(topic, Number(baseline.published))
    const late = new Set(topics.filter(topic => this.#askLate(topic)))
    this.#settle(baseline, "lost", topic => topics.includes(topic), late)
    for (const topic of late) this.#unsettled.set(topic, baseline)
    for (const topic of topics) {
      topic.repairing = Math.max(0, topic.repairing - 1)
      if (late.has(topic)) this.#beginLate(topic)
      this.#node.resequencer.repairEnded(topic, "lost")
      if (!baseline.positionsComplete) {
        const through = Number(baseline.published)
        this.#node.gaps.reportVague(topic, through, through, "lost")
      }
    }
    this.#node.batchEnded()
  }

  // ---- repair (L6) ----

  /** A frame of the topic came while a repair is under way and found no place: it is asked for again, after it. */
  putOff(streams: TopicState, frame: Frame): void {
    const topic = streams === this.#directUp ? this.#directTopic! : streams
    const number = readU64(frame.header, frame.at + At.Number)
    const previous = readU64(frame.header, frame.at + At.Previous)
    const late = this.#late.get(topic)
    this.#late.set(topic, {
      after: Math.min(previous, late?.after ?? previous),
      through: Math.max(number, late?.through ?? number),
    })
  }

  /**
   * What was published before the baseline comes before it: what has not was dropped on the way, and the host may still
   * keep it. So it is asked for before the positions count it as lost.
   */
  #doubt(topic: TopicState, published: number): void {
    const arrived = topic.arrived < 0 ? (this.#baseOf(topic.bytes) ?? published) : topic.arrived
    if (arrived >= published) return
    const late = this.#late.get(topic)
    this.#late.set(topic, {
      after: Math.min(arrived, late?.after ?? arrived),
      through: Math.max(published, late?.through ?? published),
    })
    topic.arrived = published
  }

  /** Asks for what found no place. False when there is nothing such. */
  #askLate(topic: TopicState): boolean {
    const range = this.#late.get(topic)
    if (range === undefined) return false
    this.#late.delete(topic)
    this.#hole({ topic: topic.bytes, ...range }, topic)
    return true
  }

  /** When nothing but what was late is under repair, the lowest of each stream is parked, and earlier ones will not come. */
  #beginLate(topic: TopicState): void {
    if (topic.repairing === 1) this.#node.resequencer.beginAll(this.#streamsOf(topic))
  }

  /** Direct messages of all kinds are one stream per origin. */
  #streamsOf(topic: TopicState): TopicState {
    return topic === this.#directTopic ? this.#directUp : topic
  }

  #hole(range: Range, topic: TopicState): void {
    if (!this.#repairs.miss(range)) {
      this.#node.gaps.reportVague(this.#streamsOf(topic), range.after + 1, range.through, "lost")
      return
    }
    topic.repairing++
    if (topic === this.#directTopic) this.#directUp.repairing++
  }

  /** A part of a repair's answer, with its frames behind it in that message of the batch. */
  repair(repair: Repair, batch: FrameBatch, message: number): void {
    const asked = this.#repairs.answering(repair.id)
    if (asked === undefined) return
    const parts = batch.framesOf(message)
    for (let part = 1; part + 2 < parts; part += 3) {
      const header = batch.frame(message, part + 1)
      if (!isHeader(header, 0, header.length, false))
        throw new ZincError("BadFrame", "a repair holds a frame without a header")
      if (readU32(header, At.Incarnation) !== this.#incarnation) continue
      const topic = this.#node.topics.of(batch.frame(message, part))
      const number = readU64(header, At.Number)
      // Not above `arrived`: the frames after it on this topic may still come, and have their own "previous".
      if (number > topic.arrived && asked.resync !== undefined) topic.arrived = number
      this.#node.statistics.repaired++
      this.#take(topic, Frame.over(header, batch.frame(message, part + 2)))
    }
    this.#repairs.answered(repair, parts > 1)
  }

  #repaired(asked: Asked, lost: readonly Range[]): void {
    if (asked.resync !== undefined) {
      // What is before something lost is lost as well.
      const more = lost.length > 0 ? [] : (this.#lookBack?.next() ?? [])
      if (more.length > 0) {
        this.#repairs.ask({ ranges: more, topics: [], resync: asked.resync })
        return
      }
      this.#lookBack = undefined
      this.#endResync({ lost, baseline: asked.resync, reason: "lost" })
    } else this.#endRepair(asked.topics, lost)
    this.#repairedOnward()
  }

  #endRepair(topics: readonly TopicState[], lost: readonly Range[]): void {
    const node = this.#node
    const settling: TopicState[] = []
    const lostOf = new Map<string, Range[]>()
    for (const range of lost) {
      const key = toHex(range.topic)
      const others = lostOf.get(key)
      if (others === undefined) lostOf.set(key, [range])
      else others.push(range)
    }
    for (const topic of topics) {
      const lostHere = lostOf.get(toHex(topic.bytes)) ?? []
      const isLost = lostHere.length > 0
      if (isLost && topic.kind === TopicKind.System) {
        // A lost mark: what it spoke of may be lost without a trace. Ask for everything since what is certain.
        this.#missFrom(this.#marks.verified)
        this.#o.syncAll()
      } else if (isLost && !isPrivate(topic.bytes) && topic.kind !== TopicKind.Document) {
        // The positions will say what exactly is lost; until then the topic counts as under repair.
        settling.push(topic)
        continue
      }
      const isLate = this.#askLate(topic)
      topic.repairing = Math.max(0, topic.repairing - 1)
      const streams = this.#streamsOf(topic)
      if (streams === this.#directUp) streams.repairing = Math.max(0, streams.repairing - 1)
      if (isLate) this.#beginLate(topic)
      const gaveUp = node.resequencer.repairEnded(streams, "lost")
      const unsettled = topic.repairing === 0 ? this.#unsettled.get(topic) : undefined
      if (unsettled !== undefined) {
        this.#unsettled.delete(topic)
        this.#settle(unsettled, "lost", settled => settled === topic)
      }
      if (!isLost || gaveUp || topic.kind === TopicKind.System) continue
      for (const range of lostHere) node.gaps.reportVague(streams, range.after + 1, range.through, "lost")
    }
    if (settling.length > 0) this.#o.settle(settling)
  }
}

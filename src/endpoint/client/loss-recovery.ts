/**
 * How what the host published and did not arrive is made good (L6). A hole is asked for again; after a rejoin, all since
 * what was certain. When the answers are in, the positions of a baseline tell of each stream what is lost for good, and
 * until then its topic counts as under repair.
 */
import { equalBytes, readU32, readU64, toHex } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import type { Baseline, ReignMessage, Repair } from "../../message/control.ts"
import { At, isHeader } from "../../message/header.ts"
import { isTopic, patternTakesIn, TopicKind } from "../../message/topic.ts"
import { Frame } from "../frame.ts"
import type { Node } from "../node.ts"
import { isPrivate, markTopic } from "../private-topic.ts"
import type { Range } from "../repair-range.ts"
import type { StreamRun } from "../stream-runs.ts"
import type { TopicState } from "../topic-state.ts"
import type { DirectDown } from "./direct-down.ts"
import type { Answered, Interests } from "./interests.ts"
import { LookBack } from "./look-back.ts"
import type { MarkTrack } from "./mark-track.ts"
import { type Asked, Repairs } from "./repairs.ts"

export interface LossRecoveryOptions {
  readonly node: Node
  readonly interests: Interests
  readonly marks: MarkTrack
  readonly direct: DirectDown
  readonly linked: () => boolean
  readonly requestRepair: (id: number, ranges: readonly Range[]) => void
  /** Asks for the positions of these topics, of which something is lost; or of everything wanted. */
  readonly settle: (topics: readonly TopicState[]) => void
  readonly syncAll: () => void
  /** A frame that a repair brought. */
  readonly take: (topic: TopicState, frame: Frame) => void
}

export class LossRecovery {
  readonly #o: LossRecoveryOptions
  readonly #node: Node
  readonly #interests: Interests
  readonly #marks: MarkTrack
  readonly #direct: DirectDown
  readonly #repairs: Repairs
  /** From a loss until the baseline: the publish number from which on things may be missing. */
  #missedFrom: number | undefined
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

  constructor(options: LossRecoveryOptions) {
    this.#o = options
    this.#node = options.node
    this.#interests = options.interests
    this.#marks = options.marks
    this.#direct = options.direct
    this.#repairs = new Repairs({
      clock: this.#node.clock,
      linked: options.linked,
      send: options.requestRepair,
      topicOf: bytes => this.#node.topics.of(bytes),
      onEnded: (asked, lost) => this.#repaired(asked, lost),
    })
  }

  /** While a rejoin's baseline is awaited, the repair that follows it covers everything. */
  get awaitsBaseline(): boolean {
    return this.#missedFrom !== undefined
  }

  /** What was missed before the last baseline has come, or was told. */
  get isSettled(): boolean {
    return this.#missedFrom === undefined && !this.#node.resequencer.resyncing
  }

  /** The publish number from which on everything of that topic comes; of one that was forgotten, from there on. */
  baseOf(topic: Uint8Array): number | undefined {
    const base = this.#interests.baseOf(topic)
    return base === undefined ? undefined : Math.max(base, this.#node.topics.arrivedFloor)
  }

  // ---- the link's life ----

  /** The link is new, and the host's numbers are those of before: what was asked on the old one is missing again. */
  relinked(): void {
    const late = [...this.#late].map(([topic, range]) => ({ topic: topic.bytes, ...range }))
    this.#repairs.relinked([...late, ...(this.#lookBack?.rest ?? [])])
    this.#forgetPutOff()
  }

  /** The link is new, and so are the host's numbers: holes in the old ones mean nothing there. */
  renumbered(): void {
    if (this.#missedFrom !== undefined) {
      this.#missedFrom = 0
      this.#isElsewhere = true
    }
    this.#repairs.forget()
    this.#forgetPutOff()
  }

  #forgetPutOff(): void {
    this.#lookBack = undefined
    this.#unsettled.clear()
    this.#late.clear()
  }

  /** Nobody will bring what is missing on that topic, and nobody needs it. */
  forget(topic: TopicState): void {
    this.#repairs.forgetMissing(range => equalBytes(range.topic, topic.bytes))
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

  /** There is no host any more: what is missing nobody will bring. */
  crowned(): void {
    const node = this.#node
    this.#interests.continue()
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

  // ---- baselines ----

  /** Settles what the baseline's positions tell, or asks for what was missed before they do. */
  baseline(baseline: Baseline, asked: Answered): void {
    const published = Number(baseline.published)
    const from = asked.all ? this.#missedFrom : undefined
    if (asked.all) this.#node.resequencer.isRebasing = false
    for (const { topic, origin, reigns } of baseline.positions) {
      if (origin.length > 0 || reigns.length === 0) continue
      const runs = reigns.map(runOf)
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
      // A fresh start, and it is told what it missed. Of a repair that followed a rejoin, what was asked by pattern goes.
      this.#isSnail = false
      this.#repairs.forgetMissing(({ topic }) => !isTopic(topic))
      this.#endResync({ lost: [], baseline, reason: "slow", only: topic => !isNew(topic) })
    } else if (from !== undefined) {
      this.#missedFrom = undefined
      this.#startResync(asked, from, baseline)
    }
    if (asked.settling.length > 0) this.#settleLost(asked.settling, baseline)
  }

  /** Asks for all that was published since `from`, up to the baseline, on what was followed before. */
  #startResync({ followed }: Answered, from: number, baseline: Baseline): void {
    const through = Number(baseline.published)
    const ranges: Range[] = [...this.#repairs.takeMissing()]
    // What was noted and not asked for yet has a repair of its own no more: it is part of this one.
    for (const { topic } of ranges) if (isTopic(topic)) this.#ended(this.#node.topics.of(topic))
    const prefixes = followed.map(({ prefix }) => prefix).filter(prefix => prefix !== markTopic)
    if (this.#isElsewhere) {
      const isFollowed = (topic: Uint8Array) => prefixes.some(prefix => patternTakesIn(prefix, topic))
      this.#interests.continue()
      this.#lookBack = new LookBack(this.#node, baseline, prefixes, isFollowed)
      ranges.push(...this.#lookBack.next())
    } else if (through > from) {
      for (const prefix of prefixes) ranges.push({ topic: prefix, after: from, through })
    }
    this.#isElsewhere = false
    const direct = this.#direct.topic
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
        node.gaps.reportVague(this.#direct.streamsOf(topic), range.after + 1, range.through, reason)
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
    const topic = streams === this.#direct.streams ? this.#direct.topic! : streams
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
    const arrived = topic.arrived < 0 ? (this.baseOf(topic.bytes) ?? published) : topic.arrived
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
    this.hole({ topic: topic.bytes, ...range }, topic)
    return true
  }

  /** When nothing but what was late is under repair, the lowest of each stream is parked, and earlier ones will not come. */
  #beginLate(topic: TopicState): void {
    if (topic.repairing === 1) this.#node.resequencer.beginAll(this.#direct.streamsOf(topic))
  }

  /** Notes a hole of the topic, to be asked for; what is too much to ask for is lost. */
  hole(range: Range, topic: TopicState): void {
    if (!this.#repairs.miss(range)) {
      this.#node.gaps.reportVague(this.#direct.streamsOf(topic), range.after + 1, range.through, "lost")
      return
    }
    topic.repairing++
    if (topic === this.#direct.topic) this.#direct.streams.repairing++
  }

  /** A hole of the topic is under repair by itself no longer. Returns where the topic's streams are. */
  #ended(topic: TopicState): TopicState {
    topic.repairing = Math.max(0, topic.repairing - 1)
    const streams = this.#direct.streamsOf(topic)
    if (streams === this.#direct.streams) streams.repairing = Math.max(0, streams.repairing - 1)
    return streams
  }

  /** A part of a repair's answer, with its frames behind it in that message of the batch. */
  repair(repair: Repair, batch: FrameBatch, message: number, incarnation: number): void {
    const asked = this.#repairs.answering(repair.id)
    if (asked === undefined) return
    const parts = batch.framesOf(message)
    for (let part = 1; part + 2 < parts; part += 3) {
      const header = batch.frame(message, part + 1)
      if (!isHeader(header, 0, header.length, false))
        throw new ZincError("BadFrame", "a repair holds a frame without a header")
      if (readU32(header, At.Incarnation) !== incarnation) continue
      const topic = this.#node.topics.of(batch.frame(message, part))
      const number = readU64(header, At.Number)
      // Not above `arrived`: the frames after it on this topic may still come, and have their own "previous".
      if (number > topic.arrived && asked.resync !== undefined) topic.arrived = number
      this.#node.statistics.repaired++
      this.#o.take(topic, Frame.over(header, batch.frame(message, part + 2)))
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
    this.#direct.repaired()
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
      const streams = this.#ended(topic)
      if (isLate) this.#beginLate(topic)
      node.resequencer.repairEnded(streams, "lost")
      const unsettled = topic.repairing === 0 ? this.#unsettled.get(topic) : undefined
      if (unsettled !== undefined) {
        this.#unsettled.delete(topic)
        this.#settle(unsettled, "lost", settled => settled === topic)
      }
      if (topic.kind === TopicKind.System) continue
      // Whatever was given up of streams that had more to come: others may have lost their last.
      for (const range of lostHere) node.gaps.reportVague(streams, range.after + 1, range.through, "lost")
    }
    if (settling.length > 0) this.#o.settle(settling)
  }
}

function runOf({ epoch, first, missed }: ReignMessage): StreamRun {
  const run = { epoch, first: Number(first) }
  return missed === 0n ? run : { ...run, after: Math.max(0, run.first - 1 - Number(missed)) }
}

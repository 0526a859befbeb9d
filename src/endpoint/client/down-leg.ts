/**
 * What the host publishes, as it arrives (L5, L6): hands the frames to the node and, direct messages, to `DirectDown`;
 * notices from publish numbers, marks and heartbeats what has not come, which `LossRecovery` makes good.
 */
import { readU32, readU64 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import { type Accept, type Baseline, decodeBaseline, decodeMark, type Repair } from "../../message/control.ts"
import { At, Flag, isHeader, Kind } from "../../message/header.ts"
import { TopicKind } from "../../message/topic.ts"
import { Frame } from "../frame.ts"
import type { Node } from "../node.ts"
import { isPrivate } from "../private-topic.ts"
import type { Range } from "../repair-range.ts"
import type { TopicState } from "../topic-state.ts"
import { DirectDown } from "./direct-down.ts"
import type { Interests } from "./interests.ts"
import { LossRecovery } from "./loss-recovery.ts"
import { MarkTrack } from "./mark-track.ts"

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

export class DownLeg {
  readonly #o: DownLegOptions
  readonly #node: Node
  readonly #interests: Interests
  readonly #frame = new Frame()
  readonly #direct: DirectDown
  readonly #marks = new MarkTrack()
  readonly #recovery: LossRecovery
  /** The host's numbering, and our link there; 0 before the first ACCEPT. */
  #incarnation = 0
  #link = 0
  #through = 0
  /** The host that is being left, while it still delivers. */
  #former:
    | { readonly incarnation: number; readonly link: number; readonly directTopic: TopicState | undefined }
    | undefined

  constructor(options: DownLegOptions) {
    this.#o = options
    this.#node = options.node
    this.#interests = options.interests
    const { node, interests, linked, requestRepair, settle, syncAll } = options
    this.#direct = new DirectDown(node, options.onward)
    this.#recovery = new LossRecovery({
      node,
      interests,
      marks: this.#marks,
      direct: this.#direct,
      linked,
      requestRepair,
      settle,
      syncAll,
      take: (topic, frame) => this.#take(topic, frame),
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
    // The link before may have been lost between its baseline and its being up: the repair it had begun is not done.
    if (!this.#marks.isUnset) this.#recovery.lost()
    const regenerated = this.#incarnation !== 0 && this.#incarnation !== accept.incarnation
    for (const topic of node.topics.all) topic.repairing = 0
    if (this.#incarnation === accept.incarnation) this.#recovery.relinked()
    else {
      for (const topic of node.topics.all) {
        topic.arrived = -1
        if (newReign) node.resequencer.newReign(topic)
      }
      if (regenerated && !newReign && accept.epoch === node.epoch) node.resequencer.forgetFloating()
      this.#interests.forgetBases()
      node.topics.arrivedFloor = -1
      this.#through = 0
      this.#marks.forgetSeen()
      this.#recovery.renumbered()
    }
    this.#marks.unset()
    this.#interests.forgetAsked()
    this.#incarnation = accept.incarnation
    this.#link = accept.link
    // What waited for the old session went with it.
    if (!accept.resumed && this.#direct.topic !== undefined) this.#recovery.forget(this.#direct.topic)
    this.#direct.accepted(accept, regenerated)
    if (!accept.resumed) this.#marks.forgetSeen()
    return regenerated
  }

  /** The link is up: asks for the holes noticed between the baseline and now. */
  up(): void {
    this.#recovery.up()
  }

  /** The subscriptions are lost, or the whole link: things may be missing until the next baseline and its repair. */
  lost(): void {
    this.#recovery.lost()
  }

  /** The host ended the link because we were too slow: at the next baseline all begins afresh. */
  startAfresh(): void {
    this.#recovery.startAfresh()
  }

  /** There is no host any more: the endpoint is the root. What is missing nobody will bring. */
  crowned(): void {
    this.#recovery.crowned()
    this.#direct.letOnward()
    this.#node.batchEnded()
  }

  /** Another host takes the place of the present one, which goes on delivering until `settled`. */
  switching(): void {
    const former = { incarnation: this.#incarnation, link: this.#link, directTopic: this.#direct.topic }
    this.lost()
    this.#former = former
  }

  /** What was missed before the last baseline has come, or was told. */
  get isSettled(): boolean {
    return this.#recovery.isSettled
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
      else if (topic === directTopic) this.#direct.takeOfFormer(frame)
    }
    this.#node.batchEnded()
  }

  /** Asks again for repairs that were not answered. */
  tick(patienceMs: number, silent: boolean): void {
    this.#recovery.tick(patienceMs, silent)
  }

  /** A part of a repair's answer, with its frames behind it in that message of the batch. */
  repair(repair: Repair, batch: FrameBatch, message: number): void {
    this.#recovery.repair(repair, batch, message, this.#incarnation)
  }

  /** A frame of the topic came while a repair is under way and found no place: it is asked for again, after it. */
  putOff(streams: TopicState, frame: Frame): void {
    this.#recovery.putOff(streams, frame)
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

  #noticeHoles(topic: TopicState, frame: Frame): void {
    const number = readU64(frame.header, frame.at + At.Number)
    const previous = readU64(frame.header, frame.at + At.Previous)
    if (!this.#recovery.awaitsBaseline) {
      let arrived = topic.arrived
      if (arrived < 0) arrived = topic === this.#direct.topic ? 0 : (this.#recovery.baseOf(topic.bytes) ?? -1)
      if (arrived >= 0) {
        if (previous > arrived) this.#recovery.hole({ topic: topic.bytes, after: arrived, through: previous }, topic)
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
      if (topic !== this.#direct.topic) return
      node.statistics.received++
      this.#direct.take(topic, frame)
      return
    }
    node.statistics.received++
    node.resequencer.take(topic, frame, this.#link)
  }

  #onMark(frame: Frame): void {
    const mark = decodeMark(frame.payload())
    const number = Number(mark.number)
    this.#marks.see(number)
    if (!this.#marks.isNew(number) || this.#recovery.awaitsBaseline) return
    // A conflated mark stands for those before it; what they spoke of was conflated too.
    if ((frame.flags & Flag.Covers) !== 0) this.#marks.cover(number)
    // What the mark says was published and has not come by now was dropped before it.
    for (const { topic: bytes, number: last } of mark.topics) {
      const base = this.#recovery.baseOf(bytes)
      if (base === undefined) continue
      const topic = this.#node.topics.of(bytes)
      const arrived = topic.arrived < 0 ? base : topic.arrived
      if (Number(last) <= arrived) continue
      this.#recovery.hole({ topic: bytes, after: arrived, through: Number(last) }, topic)
      topic.arrived = Number(last)
    }
    this.#marks.take(number, Number(mark.published))
  }

  /** What the host's heartbeat says of direct messages. */
  heartbeat(direct: number): void {
    if (this.#recovery.awaitsBaseline || !this.#o.linked()) return
    const lost = this.#direct.heartbeat(direct)
    if (lost !== undefined) this.#recovery.hole(lost, this.#direct.topic!)
  }

  #onBaseline(baseline: Baseline): void {
    const asked = this.#interests.answered(baseline.number, baseline.refused)
    if (asked === undefined) return
    this.#o.onBaseline(baseline)
    this.#recovery.baseline(baseline, asked)
    this.#direct.repaired()
    this.#interests.tell(asked)
  }
}

/**
 * What a host has published (L6): the publish numbers, the ring of frames kept for repairs, and the marks by which
 * clients know how far they should have come, and the host how far behind they are.
 */
import { writeU32, writeU64 } from "../../core/bytes.ts"
import { encodeControl, encodeMark } from "../../message/control.ts"
import { At, Flag, headerBytes, headerVersion, Kind } from "../../message/header.ts"
import type { PublisherSocket } from "../../transport/transport.ts"
import { FrameLog } from "../frame-log.ts"
import type { Node } from "../node.ts"
import { isPrivate, markTopic } from "../private-topic.ts"
import type { Range } from "../repair-range.ts"
import type { DownSide } from "../sides.ts"
import type { TopicState } from "../topic-state.ts"
import type { Link } from "./link.ts"
import { planRepair, stepsPerFrame } from "./repair-answer.ts"

/** Octets of one part of a repair. */
const repairPartBytes = 256 * 1024
/** Marks remembered with their time. */
const marksMax = 4096
const topicsPerMark = 256
/** Frames of one topic looked back on. */
const sinceMax = 4096
/** A mark that somebody has not reported for so long is followed by another, though nothing was published since. */
const markAgainMs = 1000

export interface PublicationOptions {
  readonly node: Node
  readonly publisher: Pick<PublisherSocket, "send">
  readonly replayMessages: number
  readonly replayBytes: number
  /** The publisher may keep payloads from this length on by reference. */
  readonly referenceBytes: number
  /** Called before each frame goes out: whatever must go before it goes now. */
  readonly before: () => void
  /** The ring lets go of a frame on a private topic. Its octets are good during the call only. */
  readonly onDropped?: (topic: TopicState, frame: PublishedFrame) => void
}

export interface PublishedFrame {
  readonly number: number
  readonly header: Uint8Array
  readonly payload: Uint8Array
}

export class Publication implements DownSide {
  /** Publish number last given. */
  published = 0
  /** Number of the last mark. */
  marked = 0
  readonly #node: Node
  readonly #publisher: Pick<PublisherSocket, "send">
  readonly #referenceBytes: number
  readonly #before: () => void
  readonly #dropping: ((number: number) => void) | undefined
  readonly #ring: FrameLog
  readonly #header = new Uint8Array(headerBytes)
  readonly #out: Uint8Array[] = [new Uint8Array(0), new Uint8Array(0), new Uint8Array(0)]
  /** Topics whose last number no mark has told yet. */
  readonly #changed: TopicState[] = []
  /** When marks were published, by consecutive numbers. */
  readonly #marks: { readonly number: number; at: number }[] = []
  #markedThrough = 0
  #markedAt = 0
  #isOver = false

  constructor(options: PublicationOptions) {
    this.#node = options.node
    this.#publisher = options.publisher
    this.#referenceBytes = options.referenceBytes
    this.#before = options.before
    const { onDropped } = options
    if (onDropped !== undefined) {
      this.#dropping = number => {
        const topic = this.#ring.topic(number)!
        if (!isPrivate(topic.bytes)) return
        onDropped(topic, { number, header: this.#ring.header(number)!, payload: this.#ring.payload(number)! })
      }
    }
    this.#ring = new FrameLog({ messagesMax: options.replayMessages, bytesMax: options.replayBytes, after: 0 })
    this.#header[At.Version] = headerVersion
  }

  publish(topic: TopicState, from: Uint8Array, payload: Uint8Array, link: number): void {
    if (this.#isOver) return
    // The header goes into the ring as it goes out; only the leg's block differs from what came.
    const header = from.length === headerBytes ? this.#header : new Uint8Array(from.length)
    header.set(from)
    header[At.Flags]! &= ~(Flag.Up | Flag.Prompt)
    const number = ++this.published
    writeU32(header, At.Incarnation, this.#node.incarnation)
    writeU32(header, At.Link, link)
    writeU64(header, At.Number, number)
    writeU64(header, At.Previous, topic.published)
    topic.published = number
    const { traffic } = this.#node
    traffic.messagesOut++
    traffic.bytesOut += header.length + payload.length
    if (!topic.changed && !isPrivate(topic.bytes)) {
      topic.changed = true
      this.#changed.push(topic)
    }
    this.#ring.makeRoom(header.length + payload.length, this.#dropping)
    this.#ring.append(topic, header, payload)
    const out = this.#out
    out[0] = topic.bytes
    out[1] = header
    // A transport keeps long frames by reference, and the caller's octets are the caller's again when send returns.
    out[2] = payload.length < this.#referenceBytes ? payload : this.#ring.payload(number)!
    this.#before()
    this.#publisher.send(out)
  }

  /** Publishes a mark when anything was published since the last: everyone follows it, and reports it. */
  mark(now: number, behind = false): void {
    if (this.published === this.#markedThrough && !(behind && now - this.#markedAt >= markAgainMs)) return
    this.#markedAt = now
    const topics = this.#changed.splice(0, topicsPerMark).map(topic => {
      topic.changed = false
      return { topic: topic.bytes, number: BigInt(topic.published) }
    })
    this.marked++
    const header = new Uint8Array(headerBytes)
    header[At.Version] = headerVersion
    header[At.Kind] = Kind.Mark
    header.set(this.#node.self.bytes, At.Origin)
    const topic = this.#node.topics.of(markTopic)
    topic.changed = true
    const payload = encodeMark({ number: BigInt(this.marked), published: BigInt(this.published), topics })
    this.publish(topic, header, payload, 0)
    // Of our own making, not the user's.
    this.#node.traffic.messagesOut--
    this.#node.traffic.bytesOut -= header.length + payload.length
    this.#markedThrough = this.#changed.length > 0 ? -1 : this.published
    this.#marks.push({ number: this.marked, at: now })
    if (this.#marks.length > marksMax) this.#marks.shift()
  }

  /** Whatever is to be published from now on goes nowhere: the cluster is dismissed. */
  end(): void {
    this.#isOver = true
  }

  /** What was published is not published again: its numbers mean nothing any more. */
  forget(): void {
    this.#ring.releaseThrough(this.#ring.last)
  }

  /** Nobody could report the marks in that time, because we stood still: it does not count as lag. */
  forgive(ms: number): void {
    for (const mark of this.#marks) mark.at += ms
  }

  /** How long ago the first mark after that one was published, in milliseconds; 0 when it was the last. */
  lagSince(mark: number, now: number): number {
    const oldest = this.#marks[0]
    if (oldest === undefined || mark >= this.marked) return 0
    const next = this.#marks[Math.max(0, mark + 1 - oldest.number)]
    return next === undefined ? 0 : now - next.at
  }

  /** What is kept of a topic and was published after that number, oldest first; of too much the last. */
  since(topic: TopicState, after: number): PublishedFrame[] {
    const found: PublishedFrame[] = []
    let number = topic.published
    while (
      number > after &&
      number >= this.#ring.first &&
      this.#ring.topic(number) === topic &&
      found.length < sinceMax
    ) {
      found.push({ number, header: this.#ring.header(number)!.slice(), payload: this.#ring.payload(number)!.slice() })
      number = this.#ring.previous(number)
    }
    return found.reverse()
  }

  /** One part of the answer to a repair request, as the frames of a control message. */
  repairPart(
    link: Pick<Link, "mayReceive" | "droppedThrough" | "steps">,
    id: number,
    ranges: readonly Range[],
  ): Uint8Array[] {
    const plan = planRepair(
      this.#ring,
      ranges,
      topic => link.mayReceive(topic),
      link.droppedThrough,
      topic => this.#node.topics.published(topic),
      repairPartBytes,
    )
    const frames: Uint8Array[] = [new Uint8Array(0)]
    let bytes = 0
    let through = 0
    for (const number of plan.numbers) {
      if (bytes >= repairPartBytes) break
      const header = this.#ring.header(number)!.slice()
      header[At.Flags]! |= Flag.Again
      const payload = this.#ring.payload(number)!
      frames.push(this.#ring.topic(number)!.bytes, header, payload)
      bytes += header.length + payload.length
      through = number
    }
    link.steps += plan.steps + stepsPerFrame * frames.length
    const whole = !plan.cut && frames.length === 1 + 3 * plan.numbers.length
    const lost = plan.lost.map(({ topic, after, through }) => ({
      topic,
      after: BigInt(after),
      through: BigInt(through),
    }))
    frames[0] = encodeControl({ case: "repair", value: { id, last: true, lost, through: BigInt(whole ? 0 : through) } })
    return frames
  }
}

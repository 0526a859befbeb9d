/**
 * Direct messages as they come down, on the private topic of one link: those for this endpoint go to its streams, those
 * for somebody below go on in the order of their publish numbers, whatever a repair brings late.
 */
import { equalBytes, readU64 } from "../../core/bytes.ts"
import type { Accept } from "../../message/control.ts"
import { readExtensions } from "../../message/extension.ts"
import { At } from "../../message/header.ts"
import type { Frame } from "../frame.ts"
import type { Node } from "../node.ts"
import { directTopicBytes, directUpTopic } from "../private-topic.ts"
import type { Range } from "../repair-range.ts"
import type { TopicState } from "../topic-state.ts"

/** Octets of direct messages for others that wait for the repair of earlier ones; past this they go on without. */
const onwardBytesMax = 8 * 1024 * 1024

export class DirectDown {
  readonly #node: Pick<Node, "topics" | "self" | "resequencer">
  readonly #onward: ((frame: Frame) => void) | undefined
  /** Direct messages of all links are one stream per origin, on this topic. */
  readonly streams: TopicState
  #topic: TopicState | undefined
  /** The direct messages a heartbeat spoke of that had not come by then. */
  #behind: { readonly arrived: number; readonly through: number } | undefined
  /** Those for somebody below that came while earlier ones are under repair, by publish number. */
  readonly #waiting = new Map<number, Frame>()
  #waitingBytes = 0

  /** `onward`: at a relay, takes what is for somebody below. */
  constructor(node: Pick<Node, "topics" | "self" | "resequencer">, onward: ((frame: Frame) => void) | undefined) {
    this.#node = node
    this.#onward = onward
    this.streams = node.topics.of(directUpTopic)
  }

  /** The private topic of the present link; undefined before the first. */
  get topic(): TopicState | undefined {
    return this.#topic
  }

  /** A host has taken us; `regenerated`: its numbers are others than before. */
  accepted(accept: Accept, regenerated: boolean): void {
    // Those numbers were of the old link, where nothing more can come between them.
    if (this.#waiting.size > 0 && (!accept.resumed || regenerated)) this.letOnward()
    this.#behind = undefined
    this.#topic = this.#node.topics.of(directTopicBytes(accept.privatePrefix))
    this.#topic.kept = true
    if (!accept.resumed) this.#topic.arrived = 0
  }

  /** The topic on which the streams of that one are. */
  streamsOf(topic: TopicState): TopicState {
    return topic === this.#topic ? this.streams : topic
  }

  take(topic: TopicState, frame: Frame): void {
    if (this.#onward === undefined || this.#isForUs(frame)) this.#node.resequencer.take(this.streams, frame, -1)
    else this.#sendOnward(topic, frame)
  }

  /** From the host that is being left: what it misses is the new host's business. */
  takeOfFormer(frame: Frame): void {
    if (this.#onward === undefined || this.#isForUs(frame)) this.#node.resequencer.take(this.streams, frame, -1)
    else this.#onward(frame)
  }

  #isForUs(frame: Frame): boolean {
    const { target } = readExtensions(frame.headerView())
    return target === undefined || equalBytes(target, this.#node.self.bytes)
  }

  #sendOnward(topic: TopicState, frame: Frame): void {
    if (topic.repairing === 0 && !this.#node.resequencer.resyncing) {
      this.#onward!(frame)
      return
    }
    const kept = frame.keep()
    this.#waiting.set(readU64(frame.header, frame.at + At.Number), kept)
    this.#waitingBytes += kept.end
    if (this.#waitingBytes > onwardBytesMax) this.letOnward()
  }

  /** Those that waited for a repair go on: it has ended. */
  repaired(): void {
    if (this.#waiting.size === 0 || this.#node.resequencer.resyncing || (this.#topic?.repairing ?? 0) > 0) return
    this.letOnward()
  }

  /** What waits for somebody below waits no more. */
  letOnward(): void {
    const waiting = [...this.#waiting].sort(([a], [b]) => a - b)
    this.#waiting.clear()
    this.#waitingBytes = 0
    for (const [, frame] of waiting) this.#onward!(frame)
  }

  /**
   * Marks do not speak of private topics: what a heartbeat says of direct messages and has not come by the next is lost.
   * Returns that, and counts it as come.
   */
  heartbeat(direct: number): Range | undefined {
    const topic = this.#topic
    if (topic === undefined) return undefined
    const arrived = Math.max(0, topic.arrived)
    const behind = this.#behind
    this.#behind = direct > arrived ? { arrived, through: direct } : undefined
    if (behind === undefined || behind.arrived !== arrived || behind.through <= arrived) return undefined
    this.#behind = undefined
    topic.arrived = behind.through
    return { topic: topic.bytes, after: arrived, through: behind.through }
  }
}

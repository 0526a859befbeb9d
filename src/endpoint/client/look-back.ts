/**
 * How far back to ask after a move. The numbers of a new host say nothing of what came from the last one, so all that it
 * keeps might hold what was missed; but the positions of its baseline tell how much that is. What was missed is mostly
 * what was published last: so the last few of its frames are asked for first, then more before them, until nothing is
 * missing or there is no more.
 */
import type { Baseline } from "../../message/control.ts"
import { TopicKind } from "../../message/topic.ts"
import type { Node } from "../node.ts"
import { isPrivate } from "../private-topic.ts"
import type { Range } from "../repair-range.ts"

/** Frames asked for at once, at least. */
const leastFrames = 64
/** Each step asks for so many times as many as the one before it. */
const widening = 8

export class LookBack {
  readonly #node: Pick<Node, "topics" | "self">
  readonly #baseline: Baseline
  readonly #prefixes: readonly Uint8Array[]
  readonly #isFollowed: (topic: Uint8Array) => boolean
  /** Everything above this publish number has been asked for. */
  #after: number
  #width: number

  /** `prefixes`: those followed at the last host too, whatever they take in `isFollowed`. */
  constructor(
    node: Pick<Node, "topics" | "self">,
    baseline: Baseline,
    prefixes: readonly Uint8Array[],
    isFollowed: (topic: Uint8Array) => boolean,
  ) {
    this.#node = node
    this.#baseline = baseline
    this.#prefixes = prefixes
    this.#isFollowed = isFollowed
    this.#after = Number(baseline.published)
    this.#width = leastFrames
  }

  /** What was not asked for yet, should the answer not come. */
  get rest(): readonly Range[] {
    return this.#ranges(0, this.#after)
  }

  /** What to ask for next; nothing when all has come or has been asked for. */
  next(): readonly Range[] {
    const missing = this.#missing()
    if (missing === 0 || this.#after <= 0) return []
    // Frames of others lie between those that are missing.
    this.#width = Math.max(this.#width, 2 * missing)
    const through = this.#after
    this.#after = Math.max(0, through - this.#width)
    this.#width *= widening
    return this.#ranges(this.#after, through)
  }

  #ranges(after: number, through: number): readonly Range[] {
    return through <= after ? [] : this.#prefixes.map(topic => ({ topic, after, through }))
  }

  /** How many frames the host has passed on and we have not; all of them when nobody can tell. */
  #missing(): number {
    const { topics, self } = this.#node
    if (!this.#baseline.positionsComplete) return Number.POSITIVE_INFINITY
    let missing = 0
    for (const { topic: bytes, origin, first, last } of this.#baseline.positions) {
      const topic = topics.of(bytes)
      if (topic.kind === TopicKind.System || isPrivate(bytes) || !this.#isFollowed(bytes)) continue
      // Of an ordered topic the root's numbers tell all.
      if (topic.route === "ordered" ? origin.length > 0 : origin.length !== 16) continue
      const stream = origin.length === 0 ? topic.order : topic.stream(origin, 0)
      if (stream !== undefined && stream.key === self) continue
      if (stream?.floating) return Number.POSITIVE_INFINITY
      missing += Math.max(0, Number(last) + 1 - (stream?.next ?? Number(first)))
    }
    return missing
  }
}

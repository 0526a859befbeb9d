/**
 * Gaps in what an origin sent on an ordered topic, told by the host above while frames that it published before them are
 * still to come: by the repair under way, or from where they are parked. Told at once, they would make duplicates of those.
 */
import type { Origin, TopicState } from "./topic-state.ts"

/** Numbers of its own that an origin's messages on a topic had, and that are lost. */
export interface OriginGap {
  readonly origin: Origin
  readonly from: number
  readonly through: number
}

/** Gaps that wait on one topic; those beyond are told at once. */
const heldMax = 256
const none: readonly OriginGap[] = []

export class HeldGaps {
  readonly #held = new WeakMap<TopicState, OriginGap[]>()

  /** False when there is no room. */
  hold(topic: TopicState, gap: OriginGap): boolean {
    const held = this.#held.get(topic)
    if (held === undefined) this.#held.set(topic, [gap])
    else if (held.length < heldMax) held.push(gap)
    else return false
    return true
  }

  /** Those of the topic, as they came; they are held no longer. */
  release(topic: TopicState): readonly OriginGap[] {
    const held = this.#held.get(topic)
    if (held === undefined) return none
    this.#held.delete(topic)
    return held
  }
}

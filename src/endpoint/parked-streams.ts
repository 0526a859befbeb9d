/** Streams with parked frames, found by their topic: a topic's repair ends without a look at all others. */
import type { Stream } from "./stream.ts"
import type { Origin, TopicState } from "./topic-state.ts"

export type AnyStream = Stream<Origin> | Stream<undefined>

export class ParkedStreams {
  readonly #all = new Map<AnyStream, TopicState>()
  readonly #on = new Map<TopicState, Set<AnyStream>>()

  add(stream: AnyStream, topic: TopicState): void {
    this.#all.set(stream, topic)
    const others = this.#on.get(topic)
    if (others === undefined) this.#on.set(topic, new Set([stream]))
    else others.add(stream)
  }

  delete(stream: AnyStream): void {
    const topic = this.#all.get(stream)
    if (topic === undefined) return
    this.#all.delete(stream)
    const others = this.#on.get(topic)
    others?.delete(stream)
    if (others?.size === 0) this.#on.delete(topic)
  }

  /** All, with their topics, as they are now: they may be added and deleted on the way. */
  all(): [AnyStream, TopicState][] {
    return [...this.#all]
  }

  /** Those on one topic, as they are now. */
  on(topic: TopicState): AnyStream[] {
    return [...(this.#on.get(topic) ?? [])]
  }
}

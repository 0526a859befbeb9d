/** What a node passes frames to, where there is such: the cluster it hosts, and the host it has. */
import type { Frame } from "./frame.ts"
import type { TopicState } from "./topic-state.ts"

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
  /** It was followed before the present host, or before there was none: what an origin sent that is new here was due here. */
  continues(topic: TopicState): boolean
}

export interface Sides {
  readonly up: UpSide | undefined
  readonly down: DownSide | undefined
}

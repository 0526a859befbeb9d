/** Who takes messages at this endpoint: handlers and followers of documents. */
import type { Frame } from "./frame.ts"
import type { Origin, TopicState } from "./topic-state.ts"

export interface Receiver {
  /** What it asks for, as octets to subscribe to. */
  readonly prefixes: readonly Uint8Array[]
  /** One message. The frame is valid during the call only. */
  take(topic: TopicState, frame: Frame, origin: Origin, sequence: number): void
  /** The batch is over. */
  batchEnded?(): void
  /** Frames of a topic are lost for good. */
  lost?(topic: TopicState): void
  /** The baseline for its prefixes came (again): whatever is published from now on comes. */
  baseline?(): void
  /** A prefix was refused. */
  refused?(reason: string): void
}

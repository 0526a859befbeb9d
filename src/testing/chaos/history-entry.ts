/**
 * What processes write down while chaos reigns, a line of JSON each, before they do it (`send`) or as it happens. All
 * clocks are the machine's monotonic one, so that entries of several processes can be put in order.
 */
import type { GapReason } from "../../endpoint/api.ts"

interface Timed {
  /** Microseconds of the machine's monotonic clock. */
  readonly t: number
  /** Whose: the machine's name and which of its lives. */
  readonly life: string
}

export type HistoryEntry = Timed &
  (
    | { readonly e: "open"; readonly id: string; readonly role: "host" | "relay" | "client" }
    | { readonly e: "send"; readonly topic: string; readonly n: number; readonly ack: boolean }
    /** There was no room for it: the number is used again. */
    | { readonly e: "unsent"; readonly topic: string; readonly n: number }
    | { readonly e: "acked"; readonly topic: string; readonly n: number; readonly code?: string }
    | { readonly e: "follow"; readonly pattern: string }
    | { readonly e: "ready"; readonly pattern: string; readonly code?: string }
    | HistoryMessage
    | HistoryEvent
    /** It made its `n`th mark in that document; what it says is `<life n>`. */
    | { readonly e: "mark"; readonly document: string; readonly n: number }
    /** All marks through `n` are rooted. */
    | { readonly e: "marked"; readonly document: string; readonly n: number }
    /** The whole of a replica, when all is quiet. */
    | { readonly e: "document"; readonly document: string; readonly text: string }
    /** It closes on request. */
    | { readonly e: "closing" }
    /** Said by whoever killed it. */
    | { readonly e: "killed" }
    /** What was done to it, for people. */
    | { readonly e: "fault"; readonly what: string }
  )

export interface HistoryMessage {
  readonly e: "got"
  readonly pattern: string
  readonly topic: string
  /** The sender's endpoint id, and what the message itself says: which life, which number. */
  readonly origin: string
  readonly sequence: number
  readonly from: string
  readonly n: number
  readonly order?: { readonly epoch: number; readonly number: number }
}

export interface HistoryEvent {
  readonly e: "event"
  readonly type: string
  /** Of a gap, or of what is taken back. */
  readonly topic?: string
  readonly origin?: string
  readonly first?: number
  readonly last?: number
  readonly reason?: GapReason
  /** Of what a new reign takes back. */
  readonly epoch?: number
  /** For people. */
  readonly text?: string
}

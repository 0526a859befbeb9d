/**
 * By what right an endpoint is root of a tree with voters, as the endpoint sees it. Whoever runs the votes (src/cluster)
 * gives it one of these for each reign. A root without voters needs none: it numbers by itself, and nobody deposes it.
 */
import type { StreamPlace } from "./stream-runs.ts"

export interface Authority {
  /** The reign's epoch, from 1. */
  readonly epoch: number
  /** The number of the last entry of the tree's ordered log, and of the last that a majority of the voters has stored. */
  readonly last: number
  readonly committed: number
  /** R4: whether it may order, acknowledge and command now. Asked before each act. */
  hasAuthority(): boolean
  /** Gives a message its place in its stream, at the end of the log. */
  order(proposal: OrderProposal): OrderVerdict
  /** The last number of that origin that has its place in the stream; 0 for none. */
  sequenceOf(stream: string, origin: string): number
}

export interface OrderProposal {
  readonly stream: string
  /** The origin's endpoint id, and its own number of the message in that stream. */
  readonly origin: string
  readonly sequence: number
  /** The message as the log keeps it. */
  readonly payload: Uint8Array
}

export type OrderVerdict =
  /** It is the stream's number `order`. */
  | { readonly type: "ordered"; readonly order: number }
  /** It has its place already. */
  | { readonly type: "duplicate" }
  /** No authority, or too much waits for a majority. The same proposal may succeed later. */
  | { readonly type: "refused" }

/** What a reign begins with. */
export interface Inheritance {
  /** Where each stream stands, and in which reigns it came there. */
  readonly places: ReadonlyMap<string, StreamPlace>
  /** The entries that the log still keeps, the last one first: some of them may not have been heard here. */
  readonly entries: Iterable<InheritedEntry>
}

export interface InheritedEntry {
  readonly stream: string
  readonly order: number
  readonly epoch: number
  readonly payload: Uint8Array
}

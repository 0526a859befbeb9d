/** One entry of a tree's ordered log, and places in it. */

/** A place in the log: the epoch that wrote the entry there, and its number. Places compare by epoch first. */
export interface LogPosition {
  readonly epoch: number
  readonly number: number
}

export const logStart: LogPosition = { epoch: 0, number: 0 }

/** Positive when `a` is further than `b`. */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  return a.epoch - b.epoch || a.number - b.number
}

export const EntryKind = {
  /** Something an origin sent on an ordered stream. */
  Message: "message",
  /** The first entry of a reign: what was before it is this reign's inheritance. */
  Opening: "opening",
  /** The set of voters changed: once this is committed, everything before it is stored by a majority of the new set. */
  Voters: "voters",
} as const
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind]

export interface OrderedEntry extends LogPosition {
  readonly kind: EntryKind
  /** The stream's name (a topic, a document); empty for entries of the log itself. */
  readonly stream: string
  /** The place in the stream's total order, from 1. */
  readonly order: number
  /** Whose message it is; empty for entries of the log itself. */
  readonly origin: string
  /** The origin's own number of it in that stream. */
  readonly sequence: number
  readonly payload: Uint8Array
}

/** What an origin asks the root to put in order. */
export interface Proposal {
  readonly stream: string
  readonly origin: string
  readonly sequence: number
  /** The lowest number that the origin still keeps: what is below is gone for good if the log lacks it. */
  readonly lowest: number
  readonly payload: Uint8Array
}

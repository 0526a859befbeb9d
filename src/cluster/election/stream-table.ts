/**
 * How far each ordered stream is, in all and per origin, so that duplicates stay duplicates after a promotion. A function
 * of the log alone: whoever has the same entries has the same table, also which origins it has forgotten.
 */

import { noteRun, type StreamPlace, type StreamRun } from "../../endpoint/stream-runs.ts"
import { EntryKind, type OrderedEntry, type Proposal } from "./ordered-entry.ts"

export interface OriginState {
  readonly origin: string
  /** The last number of the origin that has its place. */
  readonly sequence: number
  /** Which log entry that is. */
  readonly number: number
}

export interface StreamState {
  readonly stream: string
  readonly order: number
  /** In which reigns its places were given. */
  readonly runs: readonly StreamRun[]
  /** Oldest activity first. */
  readonly origins: readonly OriginState[]
}

/** Origins remembered per stream; beyond it the one silent longest is forgotten, and a duplicate of its could pass. */
export const originsMax = 4096

interface Stream {
  order: number
  readonly runs: StreamRun[]
  readonly origins: Map<string, OriginState>
}

export type Verdict =
  | { readonly type: "next" }
  /** It has its place: the entry `number` or one before it. */
  | { readonly type: "duplicate"; readonly number: number }
  /** One before it is missing: `expected` is next. */
  | { readonly type: "early"; readonly expected: number }

export class StreamTable {
  readonly #streams = new Map<string, Stream>()

  constructor(states: readonly StreamState[] = []) {
    for (const { stream, order, runs, origins } of states)
      this.#streams.set(stream, {
        order,
        runs: [...runs],
        origins: new Map(origins.map(state => [state.origin, state])),
      })
  }

  /** Whether the proposal is the next of its origin. */
  judge({ stream, origin, sequence, lowest }: Proposal): Verdict {
    const last = this.#streams.get(stream)?.origins.get(origin)
    if (last !== undefined && sequence <= last.sequence) return { type: "duplicate", number: last.number }
    const expected = Math.max(last === undefined ? lowest : last.sequence + 1, lowest)
    return sequence === expected ? { type: "next" } : { type: "early", expected }
  }

  /** The last order number of the stream; 0 when it has none. */
  orderOf(stream: string): number {
    return this.#streams.get(stream)?.order ?? 0
  }

  /** The last number of that origin that has its place; 0 when it has none, or is forgotten. */
  sequenceOf(stream: string, origin: string): number {
    return this.#streams.get(stream)?.origins.get(origin)?.sequence ?? 0
  }

  /** Takes the next entry of the log in. */
  apply(entry: OrderedEntry): void {
    if (entry.kind !== EntryKind.Message) return
    let stream = this.#streams.get(entry.stream)
    if (stream === undefined) {
      stream = { order: 0, runs: [], origins: new Map() }
      this.#streams.set(entry.stream, stream)
    }
    stream.order = entry.order
    noteRun(stream.runs, entry.epoch, entry.order)
    const { origins } = stream
    origins.delete(entry.origin)
    origins.set(entry.origin, { origin: entry.origin, sequence: entry.sequence, number: entry.number })
    if (origins.size > originsMax) origins.delete(origins.keys().next().value!)
  }

  state(): StreamState[] {
    return [...this.#streams].map(([stream, { order, runs, origins }]) => ({
      stream,
      order,
      runs: [...runs],
      origins: [...origins.values()],
    }))
  }

  /** Where each stream stands, and in which reigns it came there: what a new reign announces. */
  places(): Map<string, StreamPlace> {
    return new Map([...this.#streams].map(([stream, { order, runs }]) => [stream, { order, runs: [...runs] }]))
  }
}

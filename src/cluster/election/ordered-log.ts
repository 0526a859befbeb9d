/**
 * A voter's copy of the tree's ordered log, in memory: a base (what was dropped, as a table) and the entries after it.
 * Entries are numbered without holes, and epochs never fall from one entry to the next. Two copies that have the same
 * (epoch, number) somewhere are equal up to there.
 */
import { ZincError } from "../../core/errors.ts"
import { type LogPosition, logStart, type OrderedEntry } from "./ordered-entry.ts"
import { type StreamState, StreamTable } from "./stream-table.ts"

/** Stands for all entries up to `at`. */
export interface LogSnapshot {
  readonly at: LogPosition
  readonly streams: readonly StreamState[]
}

export const emptySnapshot: LogSnapshot = { at: logStart, streams: [] }

export class OrderedLog {
  #base: LogPosition
  #baseTable: StreamTable
  #entries: OrderedEntry[]
  /** Octets of all entries up to each one, counted from the base. */
  #bytes: number[]
  #table: StreamTable
  /** Everything up to here is stored by a majority and never changes. */
  #committed: number

  constructor(snapshot: LogSnapshot = emptySnapshot, entries: readonly OrderedEntry[] = []) {
    this.#base = snapshot.at
    this.#baseTable = new StreamTable(snapshot.streams)
    this.#table = new StreamTable(snapshot.streams)
    this.#entries = []
    this.#bytes = []
    this.#committed = snapshot.at.number
    for (const entry of entries) this.append(entry)
  }

  get base(): LogPosition {
    return this.#base
  }
  get last(): LogPosition {
    return this.#entries.at(-1) ?? this.#base
  }
  get committed(): number {
    return this.#committed
  }
  /** Entries kept. */
  get length(): number {
    return this.#entries.length
  }
  /** Octets of the entries after `after`, up to `through`: what they take to keep and to send, about. */
  bytesBetween(after: number, through: number): number {
    return this.#bytesThrough(through) - this.#bytesThrough(after)
  }

  #bytesThrough(number: number): number {
    const index = Math.min(number - this.#base.number, this.#entries.length) - 1
    return index < 0 ? 0 : this.#bytes[index]!
  }

  /** The streams as of the last entry, committed or not. */
  get table(): StreamTable {
    return this.#table
  }

  /** The place of that number, if it is kept or is the base. */
  positionOf(number: number): LogPosition | undefined {
    if (number === this.#base.number) return this.#base
    return this.#entries[number - this.#base.number - 1]
  }

  /**
   * Up to `limit` entries from that number on, of up to `bytes` octets; one at least if there is one. The number must be above
   * the base.
   */
  from(
    number: number,
    limit: number = Number.POSITIVE_INFINITY,
    bytes: number = Number.POSITIVE_INFINITY,
  ): readonly OrderedEntry[] {
    const index = number - this.#base.number - 1
    let end = Math.min(index + limit, this.#entries.length)
    if (bytes !== Number.POSITIVE_INFINITY) {
      const most = this.#bytesThrough(number - 1) + bytes
      while (end > index + 1 && this.#bytes[end - 1]! > most) end--
    }
    return this.#entries.slice(index, end)
  }

  /** Whether this copy has the entry at that place, and so everything before it. */
  has(position: LogPosition): boolean {
    if (position.number <= this.#committed) return true
    return this.positionOf(position.number)?.epoch === position.epoch
  }

  append(entry: OrderedEntry): void {
    const { last } = this
    if (entry.number !== last.number + 1 || entry.epoch < last.epoch)
      throw new ZincError(
        "Internal",
        `entry ${entry.epoch}:${entry.number} cannot follow ${last.epoch}:${last.number}; this is a defect`,
      )
    this.#entries.push(entry)
    this.#bytes.push((this.#bytes.at(-1) ?? 0) + sizeOf(entry))
    this.#table.apply(entry)
  }

  /**
   * Takes over entries that follow `previous`, which this copy has. What conflicts with them is dropped first.
   * Returns what was added, and the number after which entries were dropped, if any were.
   */
  merge(
    previous: LogPosition,
    entries: readonly OrderedEntry[],
  ): { readonly added: readonly OrderedEntry[]; readonly droppedAfter: number | undefined } {
    let index = 0
    while (index < entries.length && this.has(entries[index]!)) index++
    const added = entries.slice(index)
    let droppedAfter: number | undefined
    const after = index === 0 ? previous.number : entries[index - 1]!.number
    if (added.length > 0 && this.last.number > after) {
      this.truncate(after)
      droppedAfter = after
    }
    for (const entry of added) this.append(entry)
    return { added, droppedAfter }
  }

  /** Drops everything after that number. */
  truncate(after: number): void {
    if (after >= this.last.number) return
    if (after < this.#committed)
      throw new ZincError(
        "Internal",
        `entries after ${after} were to be dropped although ${this.#committed} is committed; this is a defect`,
      )
    this.#entries.length = after - this.#base.number
    this.#bytes.length = this.#entries.length
    this.#table = new StreamTable(this.#baseTable.state())
    for (const entry of this.#entries) this.#table.apply(entry)
  }

  /** Entries up to that number are committed. Returns those that newly are. */
  commit(number: number): readonly OrderedEntry[] {
    if (number <= this.#committed) return []
    const first = this.#committed + 1
    this.#committed = Math.min(number, this.last.number)
    return this.from(first, this.#committed - first + 1)
  }

  /**
   * Drops committed entries from the front until at most `keep` of them are left, of about `keepBytes` octets at most. Undefined
   * when nothing was dropped.
   */
  compact(keep: number, keepBytes: number = Number.POSITIVE_INFINITY): LogSnapshot | undefined {
    let through = Math.max(this.#committed - keep, this.#base.number)
    while (through < this.#committed && this.bytesBetween(through, this.#committed) > keepBytes) through++
    if (through <= this.#base.number) return undefined
    const droppedBytes = this.#bytesThrough(through)
    const dropped = this.#entries.splice(0, through - this.#base.number)
    this.#bytes = this.#bytes.slice(dropped.length).map(bytes => bytes - droppedBytes)
    for (const entry of dropped) this.#baseTable.apply(entry)
    this.#base = { epoch: dropped.at(-1)!.epoch, number: through }
    return this.snapshot()
  }

  /** The base, for whoever lacks what came before it. */
  snapshot(): LogSnapshot {
    return { at: this.#base, streams: this.#baseTable.state() }
  }

  /** Begins anew from a snapshot that reaches beyond what is committed here. Keeps entries that follow it. */
  install(snapshot: LogSnapshot): boolean {
    if (snapshot.at.number <= this.#committed) return false
    const kept =
      this.positionOf(snapshot.at.number)?.epoch === snapshot.at.epoch ? this.from(snapshot.at.number + 1) : []
    this.#base = snapshot.at
    this.#baseTable = new StreamTable(snapshot.streams)
    this.#table = new StreamTable(snapshot.streams)
    this.#entries = []
    this.#bytes = []
    this.#committed = snapshot.at.number
    for (const entry of kept) this.append(entry)
    return true
  }
}

/** What an entry takes besides its payload and names. */
const entryOverhead = 64

function sizeOf({ stream, origin, payload }: OrderedEntry): number {
  return entryOverhead + stream.length + origin.length + payload.length
}

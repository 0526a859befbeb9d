/** The roster as its user holds it: who is in the tree now, in the order of the tree, and what changes. */
import type { Deferred } from "../../core/deferred.ts"
import { deferred } from "../../core/deferred.ts"
import type { ZincError } from "../../core/errors.ts"
import { Events } from "../../core/events.ts"
import type { EndpointId } from "../../core/id.ts"
import type { Logger } from "../../core/logger.ts"
import { depthMax } from "../place.ts"
import type { Standing } from "./roster-entry.ts"
import type { Change, RosterTable } from "./roster-table.ts"

/** One endpoint of the tree. */
export interface RosterEntry extends Omit<Standing, "seenAt" | "attach" | "clock"> {
  /** Ids from the root to the endpoint, both included; it begins further down when those above are not in the roster. */
  readonly path: readonly EndpointId[]
  /** Links from the root. */
  readonly depth: number
  /** How long ago it spoke of itself, in milliseconds. One that is idle speaks every ten intervals. */
  readonly ageMs: number
}

/** What changed since the last such event. */
export interface RosterChange {
  readonly type: "change"
  readonly arrived: readonly RosterEntry[]
  /** As they are now, and where they were before. */
  readonly changed: readonly { readonly entry: RosterEntry; readonly before: RosterEntry }[]
  /** As they were last. */
  readonly departed: readonly RosterEntry[]
}

/** Who is in the tree, kept up to date. */
export interface Roster extends Disposable {
  /** Resolves when everyone is in it. Rejects with `Unauthorized` when the host does not let us see it, or `Closed`. */
  readonly ready: Promise<void>
  /** Everyone, a host before its clients. */
  readonly entries: readonly RosterEntry[]
  get(id: EndpointId): RosterEntry | undefined
  /** Calls the listener after changes, many in one. Returns what stops it. */
  on(type: "change", listener: (change: RosterChange) => void): () => void
  /** The tree is no longer told to us, unless another roster of this endpoint is open. Idempotent. */
  close(): void
}

export class RosterView implements Roster {
  readonly #table: RosterTable
  readonly #now: () => number
  readonly #soon: (action: () => void) => void
  readonly #onClose: (view: RosterView) => void
  readonly #events: Events<RosterChange>
  readonly #ready: Deferred<void> = deferred()
  /** As those were that have changed since the last event; undefined for one that was not there. */
  readonly #before = new Map<EndpointId, Standing | undefined>()
  #isClosed = false

  constructor(options: {
    readonly table: RosterTable
    readonly logger: Logger
    readonly now: () => number
    readonly soon: (action: () => void) => void
    readonly onClose: (view: RosterView) => void
  }) {
    this.#table = options.table
    this.#now = options.now
    this.#soon = options.soon
    this.#onClose = options.onClose
    this.#events = new Events(options.logger)
    this.#ready.promise.catch(() => {})
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get entries(): readonly RosterEntry[] {
    const below = new Map<EndpointId | undefined, Standing[]>()
    for (const { standing } of this.#table) {
      const parent = standing.parent !== undefined && this.#table.get(standing.parent) ? standing.parent : undefined
      const siblings = below.get(parent)
      if (siblings === undefined) below.set(parent, [standing])
      else siblings.push(standing)
    }
    const entries: RosterEntry[] = []
    const seen = new Set<EndpointId>()
    const add = (parent: EndpointId | undefined) => {
      const siblings = below.get(parent) ?? []
      siblings.sort((a, b) => rank(a) - rank(b) || compare(a.name, b.name) || compare(a.id, b.id))
      for (const standing of siblings) {
        if (seen.has(standing.id)) continue
        seen.add(standing.id)
        entries.push(this.#entry(standing))
        add(standing.id)
      }
    }
    add(undefined)
    // While somebody moves, two may be told to be below each other.
    for (const { standing } of this.#table) if (!seen.has(standing.id)) entries.push(this.#entry(standing))
    return entries
  }

  get(id: EndpointId): RosterEntry | undefined {
    const known = this.#table.get(id)
    return known === undefined ? undefined : this.#entry(known.standing)
  }

  on(type: "change", listener: (change: RosterChange) => void): () => void {
    return this.#events.on(type, listener)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#onClose(this)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  // ---- for the keeper ----

  complete(): void {
    this.#ready.resolve()
  }

  fail(error: ZincError): void {
    this.#ready.reject(error)
  }

  changed({ id, before }: Change): void {
    if (this.#before.size === 0) this.#soon(() => this.#tell())
    if (!this.#before.has(id)) this.#before.set(id, before)
  }

  #tell(): void {
    const arrived: RosterEntry[] = []
    const changed: { entry: RosterEntry; before: RosterEntry }[] = []
    const departed: RosterEntry[] = []
    for (const [id, was] of this.#before) {
      const entry = this.get(id)
      const before = was === undefined ? undefined : this.#entry(was)
      if (entry !== undefined && before !== undefined) changed.push({ entry, before })
      else if (entry !== undefined) arrived.push(entry)
      else if (before !== undefined) departed.push(before)
    }
    this.#before.clear()
    if (!this.#isClosed) this.#events.emit({ type: "change", arrived, changed, departed })
  }

  #entry(standing: Standing): RosterEntry {
    const { seenAt, attach, clock, ...rest } = standing
    void attach
    void clock
    const path = [standing.id]
    for (let at = standing.parent; at !== undefined && path.length <= depthMax && !path.includes(at); ) {
      path.unshift(at)
      at = this.#table.get(at)?.standing.parent
    }
    return { ...rest, path, depth: path.length - 1, ageMs: Math.max(0, Math.round(this.#now() - seenAt)) }
  }
}

/** The root first, relays before clients. */
function rank({ role }: Standing): number {
  return role === "root" ? 0 : role === "relay" ? 1 : 2
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

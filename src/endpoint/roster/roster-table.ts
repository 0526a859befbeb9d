/**
 * Who is in the tree, as far as an endpoint has been told, and by whom. What is told of one endpoint is ordered by how
 * often it was attached and how often it has spoken (DESIGN §9): a late departure never beats a newer arrival, and what
 * is told by way of a link that has ended stays until those below had time to come by another.
 */
import type { EndpointId } from "../../core/id.ts"
import type { Standing } from "./roster-entry.ts"

/** Endpoints kept in one roster; those told of beyond are not kept. */
const rosterMax = 65_536
/** Departures remembered, so that what is told of them late does not bring them back. */
const departedMax = 4096

/** By whom an endpoint is told of: a link below, the host above, or we ourselves. */
export type Source = object

export interface Known {
  readonly standing: Standing
  readonly source: Source
  /** It is a client of ours: nobody knows better where it is. */
  readonly isDirect: boolean
  /** Since when nobody has told of it any more; undefined while somebody does. */
  readonly frozenAt: number | undefined
}

export interface Change {
  readonly id: EndpointId
  readonly before: Standing | undefined
  readonly after: Standing | undefined
  /** Who told it, or of whose telling it is the end. */
  readonly source: Source
}

export class RosterTable {
  readonly #known = new Map<EndpointId, Known>()
  readonly #of = new Map<Source, Set<EndpointId>>()
  readonly #departed = new Map<EndpointId, { readonly attach: number; readonly clock: number }>()
  readonly #onChange: (change: Change) => void
  readonly #above: Source

  /** `above` is the host above, as a source. */
  constructor(onChange: (change: Change) => void, above: Source) {
    this.#onChange = onChange
    this.#above = above
  }

  get size(): number {
    return this.#known.size
  }
  get ids(): Iterable<EndpointId> {
    return this.#known.keys()
  }
  [Symbol.iterator](): IterableIterator<Known> {
    return this.#known.values()
  }
  get(id: EndpointId): Known | undefined {
    return this.#known.get(id)
  }
  of(source: Source): ReadonlySet<EndpointId> {
    return this.#of.get(source) ?? none
  }

  /** Somebody tells of an endpoint. False when that was old, or there is no room. */
  tell(standing: Standing, source: Source, isDirect = false): boolean {
    const { id } = standing
    const known = this.#known.get(id)
    const gone = this.#departed.get(id)
    if (gone !== undefined && !isAfter(standing, gone)) return false
    if (known === undefined && this.#known.size >= rosterMax) return false
    if (known !== undefined && known.source !== source) {
      if (standing.attach < known.standing.attach) return false
      const isMove = standing.attach > known.standing.attach
      if (!isMove && !isDirect && known.frozenAt === undefined && standing.clock < known.standing.clock) return false
      // A client of ours that is here is nowhere else, whoever below says so.
      if (known.isDirect && !isDirect && known.frozenAt === undefined) {
        if (!isMove || (known.standing.state === "up" && source !== this.#above)) return false
      }
      this.#of.get(known.source)?.delete(id)
    }
    this.#departed.delete(id)
    this.#known.set(id, { standing, source, isDirect, frozenAt: undefined })
    const siblings = this.#of.get(source)
    if (siblings === undefined) this.#of.set(source, new Set([id]))
    else siblings.add(id)
    this.#onChange({ id, before: known?.standing, after: standing, source })
    return true
  }

  /** Its source says that it is gone; what another source says does not count. */
  depart(id: EndpointId, source: Source): void {
    const known = this.#known.get(id)
    if (known === undefined || known.source !== source) return
    this.#remove(known)
    this.#departed.set(id, { attach: known.standing.attach, clock: known.standing.clock })
    if (this.#departed.size > departedMax) this.#departed.delete(this.#departed.keys().next().value!)
  }

  /** Nobody tells of these by that way any more: they go after a while, unless they come by another. */
  freeze(ids: Iterable<EndpointId>, source: Source, now: number): void {
    for (const id of ids) {
      const known = this.#known.get(id)
      if (known?.source !== source || known.frozenAt !== undefined) continue
      const standing: Standing = { ...known.standing, state: "away" }
      this.#known.set(id, { ...known, standing, frozenAt: now })
      this.#onChange({ id, before: known.standing, after: standing, source })
    }
  }

  /** Removes those that were frozen before that time. */
  thaw(before: number): void {
    for (const known of [...this.#known.values()]) {
      if (known.frozenAt !== undefined && known.frozenAt < before) this.#remove(known)
    }
  }

  /** What that source told is of no interest any more. */
  drop(source: Source): void {
    for (const id of [...this.of(source)]) this.#remove(this.#known.get(id)!)
  }

  #remove({ standing, source }: Known): void {
    this.#known.delete(standing.id)
    const siblings = this.#of.get(source)
    siblings?.delete(standing.id)
    if (siblings?.size === 0) this.#of.delete(source)
    this.#onChange({ id: standing.id, before: standing, after: undefined, source })
  }
}

const none: ReadonlySet<EndpointId> = new Set()

function isAfter(standing: Standing, { attach, clock }: { readonly attach: number; readonly clock: number }): boolean {
  return standing.attach > attach || (standing.attach === attach && standing.clock > clock)
}

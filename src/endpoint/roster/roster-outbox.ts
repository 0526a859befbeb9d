/**
 * What one reader of the roster has not been told yet: of each endpoint only that there is something, so that it never
 * holds more than there are endpoints, and whoever is told is told the latest.
 */
import { type EndpointId, endpointIdToBytes } from "../../core/id.ts"
import type { RosterShape } from "../../message/control.ts"
import { type Standing, standingToMessage } from "./roster-entry.ts"
import type { RosterTable } from "./roster-table.ts"

/** Endpoints told of in one message: some hundred octets each. */
const entriesPerMessage = 256

export class RosterOutbox {
  readonly #table: RosterTable
  /** Whether this reader is to hear of what that source tells. */
  readonly #hears: (source: object) => boolean
  #dirty = new Set<EndpointId>()
  /** A census is due, or it is under way. */
  #census: "none" | "due" | "under way" = "due"

  constructor(table: RosterTable, hears: (source: object) => boolean) {
    this.#table = table
    this.#hears = hears
  }

  get isEmpty(): boolean {
    return this.#dirty.size === 0 && this.#census === "none"
  }

  /** The reader knows nothing: it is told all. */
  reset(): void {
    this.#census = "due"
    this.#dirty.clear()
  }

  /** There is something new of that endpoint, or it is gone. */
  touch(id: EndpointId): void {
    if (this.#census !== "due") this.#dirty.add(id)
  }

  /** Tells what there is to tell. False when there was no room for all: then the rest waits. */
  flush(now: number, send: (message: RosterShape) => boolean): boolean {
    let first = this.#census === "due"
    if (first) {
      this.#dirty = new Set()
      for (const { standing, source } of this.#table) if (this.#hears(source)) this.#dirty.add(standing.id)
      this.#census = "under way"
    }
    while (first || this.#dirty.size > 0) {
      const ids = take(this.#dirty, entriesPerMessage)
      const last = this.#census === "under way" && this.#dirty.size === 0
      if (!send({ ...this.#tell(ids, now), first, last })) {
        if (first) this.reset()
        else for (const id of ids) this.#dirty.add(id)
        return false
      }
      if (last) this.#census = "none"
      first = false
    }
    return true
  }

  #tell(ids: readonly EndpointId[], now: number): RosterShape {
    const entries: Standing[] = []
    const departed: Uint8Array[] = []
    for (const id of ids) {
      const known = this.#table.get(id)
      if (known === undefined) departed.push(endpointIdToBytes(id))
      else if (this.#hears(known.source)) entries.push(known.standing)
    }
    return { entries: entries.map(each => standingToMessage(each, now)), departed }
  }
}

function take(ids: Set<EndpointId>, most: number): EndpointId[] {
  const taken: EndpointId[] = []
  for (const id of ids) {
    if (taken.length === most) break
    taken.push(id)
  }
  for (const id of taken) ids.delete(id)
  return taken
}

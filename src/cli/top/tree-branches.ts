/** The roster as a tree: each endpoint with its clients, in the roster's order. */
import type { EndpointId, RosterEntry } from "../../index.ts"

export interface Branch {
  readonly entry: RosterEntry
  readonly children: readonly Branch[]
}

/** The roots first; an endpoint whose host is not in the roster stands beside them. */
export function branchesOf(entries: readonly RosterEntry[]): readonly Branch[] {
  const known = new Map(entries.map(entry => [entry.id, { entry, children: [] as Branch[] }]))
  const roots: Branch[] = []
  for (const branch of known.values()) {
    const above = branch.entry.parent === undefined ? undefined : known.get(branch.entry.parent)
    if (above === undefined || isBelow(known, above.entry, branch.entry.id)) roots.push(branch)
    else above.children.push(branch)
  }
  return roots
}

/** While somebody moves, two may be told to be below each other. */
function isBelow(
  known: ReadonlyMap<EndpointId, { readonly entry: RosterEntry }>,
  entry: RosterEntry,
  id: EndpointId,
): boolean {
  const seen = new Set<EndpointId>()
  for (let at: RosterEntry | undefined = entry; at !== undefined && !seen.has(at.id); ) {
    if (at.id === id) return true
    seen.add(at.id)
    at = at.parent === undefined ? undefined : known.get(at.parent)?.entry
  }
  return false
}

/** What a tree comes to. */
export interface TreeTotals {
  readonly endpoints: number
  readonly relays: number
  /** Links from the root to the lowest. */
  readonly depth: number
  /** Most clients of one host. */
  readonly degree: number
  readonly epoch: number
  readonly away: number
}

export function totalsOf(entries: readonly RosterEntry[]): TreeTotals {
  const most = (of: (entry: RosterEntry) => number) => entries.reduce((most, each) => Math.max(most, of(each)), 0)
  return {
    endpoints: entries.length,
    relays: entries.filter(({ role }) => role === "relay").length,
    depth: most(({ depth }) => depth),
    degree: most(({ clients }) => clients),
    epoch: most(({ epoch }) => epoch),
    away: entries.filter(({ state }) => state === "away").length,
  }
}

/** An entry for machines. */
export function recordOf(entry: RosterEntry, self: EndpointId): Record<string, unknown> {
  const { parent, roundTripMs, ...rest } = entry
  return {
    ...rest,
    parent: parent ?? null,
    roundTripMs: roundTripMs ?? null,
    ...(entry.id === self ? { you: true } : {}),
  }
}

/** A tree for machines: each endpoint with its clients in `children`. */
export function nestedOf({ entry, children }: Branch, self: EndpointId): Record<string, unknown> {
  return { ...recordOf(entry, self), children: children.map(each => nestedOf(each, self)) }
}

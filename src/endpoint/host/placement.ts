/**
 * Where a joiner goes (DESIGN §7): a host takes as many as its fan-out says, and sends further ones on to relays below it
 * that have room. Of those nearest to the root it draws two and puts the less busy one first, so that a storm spreads
 * without anybody knowing the whole tree. Only when nobody below has room does it take more, up to `maxClients`.
 *
 * What it knows of the relays is a heartbeat old for each level, and never more than a hint: whoever is sent to a host
 * that is full by then is sent on by that one, or comes back.
 */
import type { Random } from "../../core/random.ts"
import type { Join } from "../../message/control.ts"
import type { Place } from "../place.ts"
import type { RoomNumbers } from "../room.ts"
import { dialableFrom } from "./dialable.ts"
import type { Link } from "./link.ts"

/** See docs/decisions/0120. */
export const defaultFanOut = 32
/** Relays named to a joiner. */
export const candidatesMax = 4

export interface Candidate {
  readonly endpointId: Uint8Array
  readonly name: string
  readonly addresses: readonly string[]
}

/** What of a JOIN matters here. */
export type Joining = Pick<Join, "relay" | "height" | "settle" | "dialled">

/** What becomes of a joiner that is welcome. */
export type Decision =
  | { readonly do: "take" }
  | { readonly do: "sendOn"; readonly candidates: readonly Candidate[] }
  /** There will be room below in a moment. */
  | { readonly do: "wait"; readonly reason: string }
  | { readonly do: "refuse"; readonly reason: string }

export interface PlacementOptions {
  readonly random: Random
  readonly place: Pick<Place, "depth">
  readonly clients: () => number
  readonly fanOut: number
  readonly maxClients: number
  readonly maxDepth: number
}

export class Placement {
  readonly #o: PlacementOptions
  /** Clients that are relays. */
  readonly #relays = new Set<Link>()

  constructor(options: PlacementOptions) {
    this.#o = options
  }

  add(link: Link): void {
    if (link.room !== undefined) this.#relays.add(link)
  }
  forget(link: Link): void {
    this.#relays.delete(link)
  }

  /** What this host says of itself to the host above. */
  get room(): RoomNumbers {
    const { place, fanOut, maxDepth } = this.#o
    const clients = this.#o.clients()
    const open = place.depth < maxDepth
    const free = open ? Math.max(0, fanOut - clients) : 0
    let below = 0
    let levels = Number.POSITIVE_INFINITY
    let height = clients > 0 ? 1 : 0
    let size = 1 + clients
    for (const { room, awaySince } of this.#relays) {
      // Its subtree may hang elsewhere by now, even above.
      if (awaySince !== undefined) continue
      const told = room!.told
      height = Math.max(height, 1 + told.height)
      size += told.size - 1
      if (!open || told.free + told.below === 0) continue
      below += told.free + told.below
      levels = Math.min(levels, 1 + told.levels)
    }
    return { free, below, levels: free > 0 || levels === Number.POSITIVE_INFINITY ? 0 : levels, height, size }
  }

  /** There is no place here for such a joiner, but below. */
  sendsOn(join: Joining): boolean {
    const { fanOut } = this.#o
    if (join.settle || this.#relays.size === 0 || this.#o.clients() < fanOut - (join.relay ? 0 : this.#reserve))
      return false
    return this.#fitting(join).some(({ joined, room }) => joined && room!.available > 0)
  }

  /** What becomes of a joiner without a session here. */
  decide(join: Joining): Decision {
    const { fanOut, maxClients } = this.#o
    const clients = this.#o.clients()
    if (clients < fanOut - (join.relay ? 0 : this.#reserve)) return { do: "take" }
    const most = `this host takes at most ${maxClients} clients`
    if (join.settle)
      return clients < maxClients
        ? { do: "take" }
        : { do: "refuse", reason: `${most}, and those it sent you on to cannot be reached from where you are` }
    const fitting = this.#fitting(join)
    const candidates = this.#choose(fitting.filter(({ room }) => room!.available > 0)).map(link => ({
      endpointId: link.peer.bytes,
      name: link.name,
      addresses: dialableFrom(link.room!.addresses, link.remote, join.dialled),
    }))
    if (candidates.length > 0) return { do: "sendOn", candidates }
    if (clients < fanOut) return { do: "take" }
    if (fitting.some(link => !link.joined || link.room!.isRamping))
      return { do: "wait", reason: "the relays below this host are still filling up" }
    if (clients < maxClients) return { do: "take" }
    return { do: "refuse", reason: this.#relays.size === 0 ? most : `${most}, and nobody below it has room` }
  }

  /** Slots kept for relays while there is room below for others, so that the tree can grow in breadth near the root. */
  get #reserve(): number {
    return this.#relays.size === 0 ? 0 : Math.ceil(this.#o.fanOut / 4)
  }

  /** Relays below which the joiner could hang, room or not. */
  #fitting(join: Joining): Link[] {
    const { place, maxDepth } = this.#o
    return [...this.#relays].filter(link => {
      const { told } = link.room!
      const depth = place.depth + 1 + told.levels
      return (
        link.awaySince === undefined &&
        !link.silent &&
        !link.leaving &&
        depth + 1 + join.height <= maxDepth &&
        (!link.joined || told.free + told.below > 0) &&
        dialableFrom(link.room!.addresses, link.remote, join.dialled).length > 0
      )
    })
  }

  /** Two at random of those with room nearest to the root, the less busy one first; then some of the others, should those fail. */
  #choose(links: readonly Link[]): Link[] {
    const ready = links.filter(link => link.joined)
    const nearest = Math.min(...ready.map(link => link.room!.told.levels))
    const [first, second, ...rest] = this.#shuffled(ready.filter(link => link.room!.told.levels === nearest))
    if (first === undefined) return []
    const best = second !== undefined && isBusier(first, second) ? second : first
    const others = [best === first ? second : first, ...rest].filter(link => link !== undefined)
    const deeper = this.#shuffled(ready.filter(link => link.room!.told.levels > nearest))
    best.room!.send()
    return [best, ...others, ...deeper].slice(0, candidatesMax)
  }

  #shuffled(links: Link[]): Link[] {
    for (let i = links.length - 1; i > 0; i--) {
      const j = this.#o.random.below(i + 1)
      const moved = links[i]!
      links[i] = links[j]!
      links[j] = moved
    }
    return links
  }
}

/** By what it makes a joiner wait; when that is alike, by the room that is left. */
function isBusier(link: Link, other: Link): boolean {
  const [a, b] = [link.room!, other.room!]
  return Math.abs(a.load - b.load) > busierBy ? a.load > b.load : a.available < b.available
}

/** Loads that differ by less are alike: a timer is late by some milliseconds for no reason. */
const busierBy = 10

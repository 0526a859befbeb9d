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
import { boundedRoom, type RoomNumbers } from "../room.ts"
import { dialableFrom } from "./dialable.ts"
import type { Link } from "./link.ts"
import type { LinkTable } from "./link-table.ts"

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
export type Joining = Pick<Join, "relay" | "height" | "settle" | "dialled" | "room">

/** What becomes of a joiner that is welcome. */
export type Decision =
  | { readonly do: "take" }
  | { readonly do: "sendOn"; readonly candidates: readonly Candidate[] }
  /** There will be room below in a moment. */
  | { readonly do: "wait"; readonly reason: string }
  /** It is a relay, and that client finds a place below it: without relays a full host would stay as it is. */
  | { readonly do: "swap"; readonly client: Link }
  | { readonly do: "refuse"; readonly reason: string }

export interface PlacementOptions {
  readonly random: Random
  readonly place: Pick<Place, "depth">
  /** All clients. */
  readonly links: Pick<LinkTable, "size"> & Iterable<Link>
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
    const { place, fanOut, maxClients, maxDepth } = this.#o
    const clients = this.#o.links.size
    const open = place.depth < maxDepth
    const free = open ? Math.max(0, fanOut - clients) : 0
    let spare = open ? Math.max(0, maxClients - Math.max(fanOut, clients)) : 0
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
      if (open) spare += told.spare
      if (!open || told.free + told.below === 0) continue
      below += told.free + told.below
      levels = Math.min(levels, 1 + told.levels)
    }
    return boundedRoom({
      free,
      below,
      levels: free > 0 || levels === Number.POSITIVE_INFINITY ? 0 : levels,
      // A subtree that says to be higher than the tree may be would keep us from joining anywhere.
      height: Math.min(height, Math.max(0, maxDepth - place.depth)),
      size,
      spare,
    })
  }

  /** There is no place here for such a joiner, but below. */
  sendsOn(join: Joining): boolean {
    const { fanOut } = this.#o
    if (join.settle || this.#relays.size === 0 || this.#o.links.size < fanOut - (join.relay ? 0 : this.#reserve))
      return false
    if (this.#comesBeforePlain(join)) return false
    return this.#fitting(join).some(({ joined, room }) => joined && room!.available > 0)
  }

  /** Relays below with room for a client of ours, the best first. */
  offer(link: Link): readonly Candidate[] {
    const height = link.relay ? Math.max(1, heightOf(link)) : 0
    const join = { relay: link.relay, height, settle: false, dialled: link.dialled }
    const withRoom = this.#fitting(join).filter(other => other !== link && other.joined && other.room!.available > 0)
    return withRoom.length === 0 ? [] : this.#candidates(join, withRoom)
  }

  /** What becomes of a joiner without a session here. */
  decide(join: Joining): Decision {
    const { fanOut, maxClients } = this.#o
    const clients = this.#o.links.size
    if (clients < fanOut - (join.relay ? 0 : this.#reserve)) return { do: "take" }
    const most = `this host takes at most ${maxClients} clients`
    if (join.settle)
      return clients < maxClients
        ? { do: "take" }
        : { do: "refuse", reason: `${most}, and those it sent you on to cannot be reached from where you are` }
    if (this.#comesBeforePlain(join)) return { do: "take" }
    const fitting = this.#fitting(join)
    const withRoom = fitting.filter(({ joined, room }) => joined && room!.available > 0)
    if (withRoom.length > 0) return this.#sendOn(join, withRoom)
    if (clients < fanOut) return { do: "take" }
    if (fitting.some(({ joined, room }) => !joined || room!.isRamping))
      return { do: "wait", reason: "the relays below this host are still filling up" }
    // Nobody has room. What is beyond spreads too, rather than to pile up where it came.
    if (clients >= Math.min(2 * fanOut, maxClients)) {
      const withSpare = fitting.filter(({ room }) => room!.spare > 0)
      if (withSpare.length > 0) return this.#sendOn(join, withSpare)
    }
    if (clients < maxClients) return { do: "take" }
    const swapped = this.#swappedFor(join)
    if (swapped !== undefined) return { do: "swap", client: swapped }
    // Somebody further down may be able to make room.
    if (canTakeIn(join) && fitting.length > 0) return this.#sendOn(join, fitting)
    return { do: "refuse", reason: this.#relays.size === 0 ? most : `${most}, and nobody below it has room` }
  }

  /**
   * The client that gives way when a relay asks that could take it in: the one with the smallest subtree, of those alike the
   * last that came. Only a larger subtree displaces a smaller one, so that this ends.
   */
  #swappedFor(join: Joining): Link | undefined {
    const { place, maxDepth } = this.#o
    if (!canTakeIn(join)) return undefined
    const { size, levels } = join.room!
    let least: Link | undefined
    for (const link of this.#o.links) {
      if (!link.joined || link.leaving || (link.relay && sizeOf(link) >= size)) continue
      if (place.depth + 2 + levels + heightOf(link) > maxDepth) continue
      if (least === undefined || sizeOf(link) <= sizeOf(least)) least = link
    }
    return least
  }

  /** A relay with room, where plain clients have the places of relays: they find theirs below. */
  #comesBeforePlain(join: Joining): boolean {
    const { links, fanOut, maxClients } = this.#o
    if (!join.relay || (join.room?.free ?? 0) === 0 || links.size >= maxClients) return false
    // One that is away may never come back, and this one may be there in its place.
    let here = 0
    for (const { awaySince } of this.#relays) if (awaySince === undefined) here++
    return here < Math.min(fanOut, links.size)
  }

  /** Slots, a quarter of them and at least one, kept for relays while there is room below for others, so that the tree can grow in breadth near the root. */
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
        link.sendsAwaySince === undefined &&
        depth + 1 + join.height <= maxDepth &&
        dialableFrom(link.room!.addresses, link.remote, join.dialled).length > 0
      )
    })
  }

  #sendOn(join: Joining, links: readonly Link[]): Decision {
    return { do: "sendOn", candidates: this.#candidates(join, links) }
  }

  #candidates(join: Joining, links: readonly Link[]): Candidate[] {
    return this.#choose(links).map(link => ({
      endpointId: link.peer.bytes,
      name: link.name,
      addresses: dialableFrom(link.room!.addresses, link.remote, join.dialled),
    }))
  }

  /** Two at random of those nearest to the root, the less busy one first; then some of the others, should those fail. */
  #choose(ready: readonly Link[]): Link[] {
    const nearest = Math.min(...ready.map(link => link.room!.told.levels))
    const drawn = this.#shuffled(ready.filter(link => link.room!.told.levels === nearest))
    const [first, second] = drawn
    const best = first !== undefined && second !== undefined && isBusier(first, second) ? second : first!
    const others = drawn.filter(link => link !== best)
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

/** It is a relay, and whoever gives way to it finds a place below it. */
function canTakeIn({ relay, room }: Joining): boolean {
  return relay && room !== undefined && room.free + room.below + room.spare > 0
}

function sizeOf(link: Link): number {
  return link.room?.told.size ?? 1
}

function heightOf(link: Link): number {
  return link.room?.told.height ?? 0
}

/** By what it makes a joiner wait; when that is alike, by the room that is left: at the relay itself, and then below it. */
function isBusier(link: Link, other: Link): boolean {
  const [a, b] = [link.room!, other.room!]
  if (Math.abs(a.load - b.load) > busierBy) return a.load > b.load
  return a.near === b.near ? a.available < b.available : a.near < b.near
}

/** Loads that differ by less are alike: a timer is late by some milliseconds for no reason. */
const busierBy = 10

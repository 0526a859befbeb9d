/**
 * How a host lets its clients go before it closes (DESIGN §7): it tells them whom to join instead, and waits until they
 * have, while it goes on serving them.
 */

import { equalBytes } from "../../core/bytes.ts"
import { type Clock, sleep } from "../../core/clock.ts"
import type { Candidate, LineageLists } from "../lineage.ts"
import type { Link, Tell } from "./link.ts"

export interface DrainOptions {
  readonly clock: Clock
  readonly self: Uint8Array
  readonly links: Iterable<Link>
  readonly lists: () => LineageLists
  readonly tell: Tell
}

/** Where a voter listens, and what its endpoint is called. */
export interface Heir {
  readonly name?: string
  readonly addresses: readonly string[]
}

/** How often it is looked whether all have gone. */
const lookMs = 5
/** How long a root waits for a client to have gone before it asks another in its place, and later the same one again. */
const againMs = 250
/** At most so many of its clients go to the heir at a time, or that part of all if that is more. */
const leastAtOnce = 2
const rounds = 8

/**
 * Of a relay: the first of its clients that listens goes to the host above, in its place; the others to that one, or,
 * should it not take them, to those further up. Resolves when everybody has gone, or after that time.
 */
export async function drain(options: DrainOptions, withinMs: number): Promise<void> {
  const { clock, links, lists, self } = options
  const { ancestors, succession } = lists()
  const above = [...ancestors].reverse().filter(({ endpointId }) => !equalBytes(endpointId, self))
  if (above.length === 0) return
  const here = present(links)
  const heir = succession.find(({ endpointId }) => here.some(link => equalBytes(link.peer.bytes, endpointId)))
  for (const link of here) {
    const first = heir === undefined || equalBytes(link.peer.bytes, heir.endpointId) ? [] : [heir]
    send(options, link, [...first, ...above], withinMs)
  }
  const until = clock.now() + withinMs
  while (clock.now() < until && present(links).length > 0) await sleep(clock, lookMs)
}

/**
 * Of a root that will give its reign away: all but the heir go to the heir, so that they are below the next root before it
 * reigns. A few at a time: everybody hears the root meanwhile, and a crowd that joins the heir at once would make it, and
 * each other where they share a machine, slow to listen. Resolves when they have gone, or after that time; at once when the
 * heir is not among the clients.
 */
export async function drainTo(options: DrainOptions, to: Heir, withinMs: number): Promise<void> {
  const { clock, links } = options
  const until = clock.now() + withinMs
  const askedAt = new Map<Link, number>()
  const atOnce = Math.max(leastAtOnce, Math.ceil(present(links).length / rounds))
  for (; clock.now() < until; await sleep(clock, lookMs)) {
    const now = clock.now()
    const here = present(links)
    const heir = heirAmong(here, to)
    if (heir === undefined || here.length === 1) return
    const candidate = { endpointId: heir.peer.bytes, name: heir.name, addresses: to.addresses, voterId: nobody }
    const isGoing = (link: Link) => now < (askedAt.get(link) ?? -againMs) + againMs
    const rest = here.filter(link => link !== heir && !isGoing(link))
    const room = atOnce - (here.length - 1 - rest.length)
    rest.sort((a, b) => (askedAt.get(a) ?? -1) - (askedAt.get(b) ?? -1))
    for (const link of rest.slice(0, Math.max(0, room))) {
      askedAt.set(link, now)
      send(options, link, [candidate], Math.ceil(until - now))
    }
  }
}

/** The client that is that voter: it listens there, or has its name. */
export function heirAmong(links: Iterable<Link>, { name, addresses }: Heir): Link | undefined {
  return present(links).find(
    link => link.room?.addresses.some(each => addresses.includes(each)) || (link.relay && link.name === name),
  )
}

function present(links: Iterable<Link>): Link[] {
  return [...links].filter(link => link.control !== 0)
}

function send({ tell }: DrainOptions, link: Link, to: readonly Candidate[], withinMs: number): void {
  const candidates = to.map(({ addresses, ...rest }) => ({ ...rest, addresses: [...addresses] }))
  tell(link, { case: "drain", value: { withinMs: Math.ceil(withinMs), candidates } })
}

const nobody = new Uint8Array(0)

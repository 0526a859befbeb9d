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
/** How often a root asks those again that its heir had no time for. */
const againMs = 250

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
 * reigns. Resolves when they have gone, or after that time; at once when the heir is not among the clients.
 */
export async function drainTo(options: DrainOptions, to: Heir, withinMs: number): Promise<void> {
  const { clock, links } = options
  const until = clock.now() + withinMs
  for (let againAt = clock.now(); clock.now() < until; await sleep(clock, lookMs)) {
    const here = present(links)
    const heir = heirAmong(here, to)
    if (heir === undefined || here.length === 1) return
    if (clock.now() < againAt) continue
    againAt += againMs
    const candidate = { endpointId: heir.peer.bytes, name: heir.name, addresses: to.addresses, voterId: nobody }
    for (const link of here) if (link !== heir) send(options, link, [candidate], Math.ceil(until - clock.now()))
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
  tell(link, { case: "drain", value: { withinMs, candidates } })
}

const nobody = new Uint8Array(0)

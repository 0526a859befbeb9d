/**
 * How a host lets its clients go before it closes (DESIGN §7): it tells them whom to join instead, and waits until they
 * have, while it goes on serving them. The first of them that listens goes to the host above, in its place; the others to
 * that one, or, should it not take them, to those further up.
 */
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

/** How often it is looked whether all have gone. */
const lookMs = 5

/** Resolves when everybody has gone, or after that time. */
export async function drain(options: DrainOptions, withinMs: number): Promise<void> {
  const { clock, links, tell, lists, self } = options
  const { ancestors, succession } = lists()
  const is = (id: Uint8Array) => (candidate: Candidate) => candidate.endpointId.every((octet, i) => octet === id[i])
  const above = [...ancestors].reverse().filter(candidate => !is(self)(candidate))
  if (above.length === 0) return
  const here = [...links].filter(link => link.control !== 0)
  const heir = succession.find(candidate => here.some(link => is(link.peer.bytes)(candidate)))
  for (const link of here) {
    const first = heir === undefined || is(link.peer.bytes)(heir) ? [] : [heir]
    const candidates = [...first, ...above].map(({ addresses, ...rest }) => ({ ...rest, addresses: [...addresses] }))
    tell(link, { case: "drain", value: { withinMs, candidates } })
  }
  const until = clock.now() + withinMs
  while (clock.now() < until && [...links].some(link => link.control !== 0)) await sleep(clock, lookMs)
}

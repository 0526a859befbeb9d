/**
 * How a relay that does not keep up lets its clients go before it is cut off (§11): it asks them to join the hosts above
 * it, and asks those again who have not, while it goes on serving them.
 */

import { equalBytes } from "../../core/bytes.ts"
import { type Clock, sleep } from "../../core/clock.ts"
import type { LineageLists } from "../lineage.ts"
import type { Link, Tell } from "./link.ts"

export interface SendAwayOptions {
  readonly clock: Clock
  readonly self: Uint8Array
  readonly links: Iterable<Link>
  readonly lists: () => LineageLists
  readonly tell: Tell
}

/** Those who have not gone are asked again. */
const againMs = 500

/** Resolves when everybody has gone, or after that time. */
export async function sendAway(options: SendAwayOptions, withinMs: number, reason: string): Promise<void> {
  const { clock, links, tell, lists, self } = options
  const until = clock.now() + withinMs
  while (clock.now() < until) {
    const here = [...links].filter(link => link.control !== 0)
    if (here.length === 0) return
    const candidates = [...lists().ancestors]
      .reverse()
      .filter(({ endpointId }) => !equalBytes(endpointId, self))
      .map(({ addresses, ...rest }) => ({ ...rest, addresses: [...addresses] }))
    for (const link of here) tell(link, { case: "move", value: { candidates, reason } })
    await sleep(clock, Math.min(againMs, until - clock.now()))
  }
}

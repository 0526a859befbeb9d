/**
 * How far hosts are from a joiner that may choose: a PROBE to each on a control connection, before JOIN, and the time
 * until its answer. What the answer says of the host's own state counts as distance too.
 */
import type { Clock } from "../../core/clock.ts"
import type { Random } from "../../core/random.ts"
import { encodeControl, type ProbeReply } from "../../message/control.ts"
import type { Legs } from "./legs.ts"

/** How long a host may take to answer before it counts as not there. */
const probeMs = 2000
/** A host that was named later must be nearer by so much to be preferred: the one who named them knows who is busy. */
const nearerByMs = 2
const nearerByPart = 0.2

/** Milliseconds until what is sent to the host is at the root, near enough. Rejects when the host does not answer in time. */
export async function distanceTo(legs: Legs, clock: Clock, random: Random): Promise<number> {
  const timer = clock.after(probeMs, () => legs.fail(new Error(`${legs.address} did not answer in ${probeMs} ms`)))
  try {
    await legs.connect()
    const askedAt = clock.now()
    legs.dealer.send([encodeControl({ case: "probe", value: { token: random.bytes(16), here: true } })])
    const { loopLagMs, rootRoundTripUs }: ProbeReply = await legs.probed.promise
    return clock.now() - askedAt + loopLagMs + rootRoundTripUs / 1000
  } finally {
    timer.cancel()
  }
}

/** Of hosts in the order they were named: the nearest, when it is so by enough; else the first. */
export function nearestOf<T extends { readonly distanceMs: number }>(hosts: readonly T[]): T | undefined {
  let best: T | undefined
  for (const host of hosts) {
    const margin = best === undefined ? 0 : Math.max(nearerByMs, best.distanceMs * nearerByPart)
    if (best === undefined || host.distanceMs + margin < best.distanceMs) best = host
  }
  return best
}

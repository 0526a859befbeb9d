/**
 * Before a relay that does not keep up is cut off, its clients are offered another host (§11): it is told SLOW with a time,
 * and asks them to join the hosts above it. When they have, or when the time is over, the policy is carried out.
 */
import type { Clock } from "../../core/clock.ts"
import type { Link, Tell } from "./link.ts"

export interface SlowRelaysOptions {
  readonly clock: Clock
  readonly tell: Tell
  readonly heartbeatMs: number
  /** The time is over: what is to be done is looked at again. */
  readonly onOver: (link: Link) => void
}

/** Time for its clients to move, at least, and in heartbeats. */
const withinLeastMs = 1000
const withinBeats = 8

export class SlowRelays {
  readonly #o: SlowRelaysOptions

  constructor(options: SlowRelaysOptions) {
    this.#o = options
  }

  /** Whether to wait before it is cut off: its clients are on their way elsewhere, from now on if they were not before. */
  isAwaited(link: Link, lagMs: number): boolean {
    const { clock, tell, heartbeatMs, onOver } = this.#o
    if (!link.relay || (link.room?.told.size ?? 1) <= 1 || link.control === 0) return false
    const now = clock.now()
    const withinMs = Math.max(withinLeastMs, withinBeats * heartbeatMs)
    if (link.sendsAwaySince !== undefined) return now - link.sendsAwaySince < withinMs
    link.sendsAwaySince = now
    tell(link, {
      case: "slow",
      value: { policy: "warn", lagMs: Math.round(lagMs), waitingMessages: 0n, waitingBytes: 0n, last: 0n, withinMs },
    })
    clock.after(withinMs, () => {
      if (link.sendsAwaySince === now) onOver(link)
    })
    return true
  }

  /** It has caught up. */
  caughtUp(link: Link): void {
    link.sendsAwaySince = undefined
  }
}

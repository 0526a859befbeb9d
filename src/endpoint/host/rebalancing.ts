/**
 * Brings a host that has more clients than its fan-out back to it (T1): a takeover gives it those of the dead host, and a
 * storm may have had nowhere else to go. At each heartbeat it asks a few to join a relay below that has room, which they do
 * make-before-break. It begins well above the fan-out and ends at it, leaves the tree alone while relays come and go, and
 * asks nobody twice in a row or who has just come: so in a quiet tree nobody moves.
 */
import type { Link, Tell } from "./link.ts"
import type { Placement } from "./placement.ts"

/** Begins when there are so many times the fan-out. */
export const beginsAbove = 1.25
/** Clients asked at one heartbeat. */
const perBeat = 4
/** Heartbeats without a relay coming or going before anybody is asked. */
const calmBeats = 4
/** Heartbeats that a client is left alone after it came, and after it was asked. */
const newBeats = 8
const askedBeats = 240

export interface RebalancingOptions {
  readonly links: Iterable<Link>
  readonly placement: Pick<Placement, "offer">
  readonly tell: Tell
  readonly fanOut: number
  readonly maxClients: number
  readonly heartbeatMs: number
  /** The host is where it will stay for now. */
  readonly isSteady: () => boolean
}

export class Rebalancing {
  readonly #o: RebalancingOptions
  #isOver = false
  #beatsSinceChange = 0

  constructor(options: RebalancingOptions) {
    this.#o = options
  }

  /** A relay has come or gone, or the path above has changed. */
  disturbed(): void {
    this.#beatsSinceChange = 0
  }

  /** A heartbeat has passed. */
  tick(now: number): void {
    const { links, placement, tell, fanOut, maxClients, isSteady } = this.#o
    this.#beatsSinceChange++
    // A client that is away may be elsewhere already.
    let clients = 0
    for (const { awaySince } of links) if (awaySince === undefined) clients++
    const surplus = clients - fanOut
    if (surplus <= 0) this.#isOver = false
    else if (clients > Math.min(maxClients, Math.ceil(beginsAbove * fanOut))) this.#isOver = true
    if (!this.#isOver || this.#beatsSinceChange < calmBeats || !isSteady()) return
    const reason = `its host has ${clients} clients and wants ${fanOut}`
    let asked = 0
    for (const link of this.#movable(now)) {
      if (asked >= Math.min(perBeat, surplus)) return
      const candidates = placement.offer(link)
      if (candidates.length === 0) continue
      link.askedToMoveAt = now
      asked++
      tell(link, {
        case: "move",
        value: {
          candidates: candidates.map(({ addresses, ...rest }) => ({ ...rest, addresses: [...addresses] })),
          reason,
        },
      })
    }
  }

  /** Plain clients first, then the relays with the smallest subtrees. */
  #movable(now: number): Link[] {
    const { links, heartbeatMs } = this.#o
    return [...links]
      .filter(
        link =>
          link.joined &&
          !link.leaving &&
          !link.silent &&
          link.awaySince === undefined &&
          now - link.since >= newBeats * heartbeatMs &&
          now - link.askedToMoveAt >= askedBeats * heartbeatMs,
      )
      .sort((a, b) => (a.room?.told.size ?? 0) - (b.room?.told.size ?? 0))
  }
}

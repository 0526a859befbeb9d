/** What can go wrong on the virtual network, as options and as counters. */

/** The three connections between a client and its host. */
export const Leg = { Control: "control", Publish: "publish", Push: "push" } as const
export type Leg = (typeof Leg)[keyof typeof Leg]

export interface Latency {
  /** One way, in milliseconds. */
  readonly min: number
  readonly max: number
  /** Share of segments (0 to 1) that take a heavy-tailed time instead: up to a hundred times `max`. Default 0. */
  readonly heavyTail?: number
}

/** Faults of one leg. Rates are chances per message, 0 to 1, default 0. */
export interface LegFaults {
  /** Default 0.1 to 0.5 ms. */
  readonly latencyMs?: Latency
  /** The message vanishes; the connection stays. The control leg is a plain stream: there it breaks the connection. */
  readonly dropRate?: number
  /** The message arrives twice. Publish and push only. */
  readonly duplicateRate?: number
  /** Later messages overtake it. Publish and push only. */
  readonly reorderRate?: number
  /** The connection breaks at this message. Both ends hear it; a random tail of what was under way is lost. */
  readonly disconnectRate?: number
}

export type Faults = { readonly [leg in Leg]?: LegFaults }

/** How often each thing happened. */
export interface FaultCounters {
  /** Messages handed to a reader. */
  delivered: number
  dropped: number
  duplicated: number
  reordered: number
  /** Connections broken by a rate. */
  disconnected: number
  /** Connections broken by `cut`. */
  cut: number
  partitions: number
  heals: number
  pauses: number
  crashes: number
  slowdowns: number
  /** Messages not queued because the queue was at its limit. */
  full: number
}

export function zeroCounters(): FaultCounters {
  return {
    delivered: 0,
    dropped: 0,
    duplicated: 0,
    reordered: 0,
    disconnected: 0,
    cut: 0,
    partitions: 0,
    heals: 0,
    pauses: 0,
    crashes: 0,
    slowdowns: 0,
    full: 0,
  }
}

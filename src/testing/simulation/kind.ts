/** What every kind of simulation has in common: a number goes in, and everything that happened comes out. */
import type { Violation } from "./journal.ts"

export interface SimulationOptions {
  /** All that is drawn is drawn from it; the same seed and options give the same run. */
  readonly seed: number
  /** Most endpoints of a run. Default and least are the kind's. */
  readonly nodes?: number
  /** Simulated minutes in which things go wrong. Default and least are the kind's. */
  readonly minutes?: number
  /** A rule of the product that is left out, to see that it is noticed. Default none. */
  readonly without?: string
  /** Places in the fault script that are played; the others are left out. Default all. */
  readonly only?: readonly number[]
  /** Journal entries kept for reading. Default 400. */
  readonly kept?: number
}

export interface SimulationRun {
  readonly seed: number
  /** A digest of everything that happened: equal for equal seed and options. */
  readonly hash: string
  readonly violations: readonly Violation[]
  readonly endpoints: number
  /** Virtual time that passed, in milliseconds. */
  readonly virtualMs: number
  /** What went wrong, by kind. */
  readonly faults: readonly { readonly kind: string }[]
  /** What happened how often. `events` are those of the network. */
  readonly counts: { readonly events: number } & Readonly<Record<string, number>>
  /** How long things took, in virtual milliseconds. */
  readonly times: readonly SimulatedTime[]
  /** The plan, the script, the violations and the last of the journal, for a person. */
  report(lines?: number, about?: string): string
}

export interface SimulatedTime {
  /** What took that long, in a few words: "attach", "crashRoot embedded". */
  readonly what: string
  readonly ms: number
}

export type SimulationKnob = "nodes" | "minutes" | "without" | "only"

export interface SimulationKind {
  readonly name: string
  /** What runs and what is judged, in a line. */
  readonly about: string
  /** The options it takes beside `seed` and `kept`. */
  readonly knobs: readonly SimulationKnob[]
  /** Rules that `without` knows. */
  readonly rules: readonly string[]
  run(options: SimulationOptions): Promise<SimulationRun>
}

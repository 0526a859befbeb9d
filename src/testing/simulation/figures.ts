/** What many runs come to: added up run by run, as JSON between processes and in the tally, merged in any order. */
import type { SimulationRun } from "./kind.ts"

export interface FailedSeed {
  readonly seed: number
  readonly invariant: string
  readonly what: string
}

/** Milliseconds, rounded up, and how often; a histogram that can be added up. */
type Times = { [ms: string]: number }

export interface Spread {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export class Figures {
  seeds = 0
  virtualMs = 0
  /** Time that processors worked on it, in milliseconds, over all processes. */
  workedMs = 0
  endpoints = 0
  /** Most endpoints in one run. */
  endpointsMax = 0
  /** Least faults in one run. */
  faultsMin: number | null = null
  /** Seeds that ran twice, with equal digests. */
  repeated = 0
  readonly failed: FailedSeed[] = []
  readonly faults: { [kind: string]: number } = {}
  readonly counts: { [name: string]: number } = {}
  readonly times: { [what: string]: Times } = {}

  static from(json: FiguresJson): Figures {
    const figures = new Figures()
    figures.merge(json)
    return figures
  }

  add(run: SimulationRun, workedMs: number): void {
    this.seeds++
    this.virtualMs += run.virtualMs
    this.workedMs += workedMs
    this.endpoints += run.endpoints
    this.endpointsMax = Math.max(this.endpointsMax, run.endpoints)
    this.faultsMin = Math.min(this.faultsMin ?? Number.POSITIVE_INFINITY, run.faults.length)
    for (const { kind } of run.faults) this.faults[kind] = (this.faults[kind] ?? 0) + 1
    addAll(this.counts, run.counts)
    for (const { what, ms } of run.times) {
      this.times[what] ??= {}
      addAll(this.times[what], { [Math.ceil(ms)]: 1 })
    }
    const [first] = run.violations
    if (first !== undefined) this.fail(run.seed, first.invariant, first.what)
  }

  fail(seed: number, invariant: string, what: string): void {
    this.failed.push({ seed, invariant, what })
  }

  merge(other: FiguresJson): void {
    this.seeds += other.seeds
    this.virtualMs += other.virtualMs
    this.workedMs += other.workedMs
    this.endpoints += other.endpoints
    this.endpointsMax = Math.max(this.endpointsMax, other.endpointsMax)
    if (other.faultsMin !== null) this.faultsMin = Math.min(this.faultsMin ?? Number.POSITIVE_INFINITY, other.faultsMin)
    this.repeated += other.repeated
    this.failed.push(...other.failed)
    this.failed.sort((a, b) => a.seed - b.seed)
    addAll(this.faults, other.faults)
    addAll(this.counts, other.counts)
    for (const [what, times] of Object.entries(other.times)) {
      this.times[what] ??= {}
      addAll(this.times[what], times)
    }
  }

  /** By what took that long. */
  get spreads(): { readonly [what: string]: Spread } {
    return Object.fromEntries(
      Object.entries(this.times)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([what, times]) => [what, spreadOf(times)]),
    )
  }

  /** Virtual time over time that processors worked. */
  get speed(): number {
    return this.workedMs === 0 ? 0 : this.virtualMs / this.workedMs
  }
}

/** What survives JSON of it. */
export type FiguresJson = Pick<
  Figures,
  | "seeds"
  | "virtualMs"
  | "workedMs"
  | "endpoints"
  | "endpointsMax"
  | "faultsMin"
  | "repeated"
  | "failed"
  | "faults"
  | "counts"
  | "times"
>

function addAll(to: { [name: string]: number }, from: { readonly [name: string]: number }): void {
  for (const [name, count] of Object.entries(from)) to[name] = (to[name] ?? 0) + count
}

function spreadOf(times: Times): Spread {
  const sorted = Object.entries(times)
    .map(([ms, count]) => ({ ms: Number(ms), count }))
    .sort((a, b) => a.ms - b.ms)
  const count = sorted.reduce((sum, each) => sum + each.count, 0)
  const quantile = (share: number) => {
    let left = Math.ceil(share * count)
    for (const each of sorted) {
      left -= each.count
      if (left <= 0) return each.ms
    }
    return Number.NaN
  }
  return { count, p50: quantile(0.5), p99: quantile(0.99), max: sorted.at(-1)?.ms ?? Number.NaN }
}

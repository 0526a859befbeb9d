/** The state of the demo as it is shown; pure, so that the picture can be tested. */

import type { Player } from "./cast.ts"
import type { Pulse } from "./demo-message.ts"

export type ActorState = "starting" | "hosting" | "writing" | "done" | "killed" | "waiting"

export interface Actor {
  readonly name: string
  readonly role: "host" | "client"
  readonly transport: string
  readonly carrier: string
  state: ActorState
  edits: number
  length: number
  /** Median of the latest beats, in milliseconds. */
  latencyMs: number | undefined
}

const rateWindowMs = 1_500
const latenciesKept = 4_000

export class Stage {
  readonly actors: Actor[] = []
  /** What happened, latest last. */
  readonly log: string[] = []
  readonly #rates: { at: number; edits: number }[] = []
  readonly #latencies: number[] = []
  #seen = 0
  readonly #lengthExpected: number

  /** `lengthExpected`: characters of the finished text. */
  constructor(lengthExpected: number) {
    this.#lengthExpected = lengthExpected
  }

  /** How much of the text is written at the host, 0–1. */
  get progress(): number {
    const length = this.actors.find(each => each.role === "host")?.length ?? 0
    return Math.min(1, length / this.#lengthExpected)
  }

  add({ name, transport, carrier }: Player, role: "host" | "client", state: ActorState): Actor {
    const actor: Actor = { name, role, transport, carrier, state, edits: 0, length: 0, latencyMs: undefined }
    this.actors.push(actor)
    return actor
  }

  find(name: string): Actor | undefined {
    return this.actors.find(each => each.name === name)
  }

  pulse(actor: Actor, pulse: Pulse, now: number): void {
    actor.edits = pulse.edits
    actor.length = pulse.length
    if (pulse.latencies.length > 0) actor.latencyMs = quantile(pulse.latencies, 0.5)
    for (const latency of pulse.latencies) {
      // Past the limit older ones are replaced in turn, so that the figures follow the run.
      this.#latencies[this.#seen++ % latenciesKept] = latency
    }
    this.#rates.push({ at: now, edits: this.edits })
    while (this.#rates.length > 2 && this.#rates[0]!.at < now - rateWindowMs) this.#rates.shift()
  }

  get edits(): number {
    return this.actors.reduce((sum, each) => sum + each.edits, 0)
  }

  /** Edits a second over the last moments. */
  get rate(): number {
    const first = this.#rates[0]
    const last = this.#rates.at(-1)
    if (first === undefined || last === undefined || last.at === first.at) return 0
    return ((last.edits - first.edits) * 1_000) / (last.at - first.at)
  }

  latency(fraction: number): number | undefined {
    return this.#latencies.length === 0 ? undefined : quantile(this.#latencies, fraction)
  }
}

export function quantile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))]!
}

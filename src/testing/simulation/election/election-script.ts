/**
 * What goes wrong in one run of an election, drawn from its seed: each seed picks its own kinds of faults and its own
 * weather (swarm testing). The script is data, so that it can be read, played again, and shrunk.
 */
import type { SeededRandom } from "../../../core/random.ts"
import { fairWeather, type Weather } from "./machine-network.ts"

export const ElectionFaultKind = {
  CrashRoot: "crashRoot",
  /** Its machine loses power: nothing closes, nothing refuses. */
  PowerRoot: "powerRoot",
  PauseRoot: "pauseRoot",
  /** The root alone on one side. */
  IsolateRoot: "isolateRoot",
  /** The root is heard and hears nothing, or the other way round. */
  OneWayRoot: "oneWayRoot",
  /** At times somebody crashes, or is cut off, while it is under way. */
  HandOver: "handOver",
  /** The root is cut off and comes back at the moment somebody signs for another; the signer or the candidate may crash. */
  NearMiss: "nearMiss",
  /** Whoever wins the record next crashes at once. */
  CrashHeir: "crashHeir",
  CrashVoter: "crashVoter",
  PauseVoter: "pauseVoter",
  /** A voter that is cut off again and again. */
  FlapVoter: "flapVoter",
  OneWayVoter: "oneWayVoter",
  /** Two sides, drawn at random. */
  Partition: "partition",
  /** Every process of the tree ends. */
  CrashAll: "crashAll",
  /** A crash, and the data folder is lost. */
  WipeVoter: "wipeVoter",
  /** All links of a machine close. */
  Disconnect: "disconnect",
  /** The proxy before a machine refuses everything; only where addresses are not direct. */
  ProxyRefuses: "proxyRefuses",
  SlowMachine: "slowMachine",
  SlowDisk: "slowDisk",
  Drift: "drift",
  CoordinatorDown: "coordinatorDown",
  CoordinatorSlow: "coordinatorSlow",
  /** Another set of machines is to vote. */
  ChangeVoters: "changeVoters",
  Weather: "weather",
} as const
export type ElectionFaultKind = (typeof ElectionFaultKind)[keyof typeof ElectionFaultKind]

export interface ElectionFault {
  readonly kind: ElectionFaultKind
  readonly atMs: number
  readonly forMs: number
  /** Which machine, by its place among those that vote; -1 for the root. */
  readonly machine: number
  /** For partitions: a bit per machine; else a draw of the fault's own. */
  readonly draw: number
  readonly weather?: Weather
}

const kinds = Object.values(ElectionFaultKind) as ElectionFaultKind[]
/** Drawn more often: they are what elections are for. */
const favourites: readonly ElectionFaultKind[] = [
  "crashRoot",
  "pauseRoot",
  "isolateRoot",
  "crashRoot",
  "powerRoot",
  "nearMiss",
]

export interface ElectionScriptOptions {
  readonly machines: number
  readonly fromMs: number
  readonly untilMs: number
  readonly least: number
  readonly most: number
}

export function drawElectionScript(random: SeededRandom, options: ElectionScriptOptions): ElectionFault[] {
  const { fromMs, untilMs, least, most, machines } = options
  const chosen = [...kinds.filter(() => random.below(4) === 0), favourites[random.below(favourites.length)]!]
  const count = least + random.below(most - least + 1)
  const faults: ElectionFault[] = []
  // Some seeds crowd their faults, so that one meets another half-done.
  const bursts = random.below(3) === 0 ? 1 + random.below(3) : 0
  const centres = Array.from({ length: bursts }, () => fromMs + random.float() * (untilMs - fromMs))
  for (let i = 0; i < count; i++) {
    const kind =
      random.below(3) === 0 ? favourites[random.below(favourites.length)]! : chosen[random.below(chosen.length)]!
    const crowded = bursts > 0 && random.below(3) > 0
    const centre = crowded ? centres[random.below(bursts)]! : 0
    const atMs = crowded ? centre + random.float() * 400 : fromMs + random.float() * (untilMs - fromMs)
    faults.push(drawFault(random, kind, atMs, machines))
  }
  // And some hunt roots: hardly is there one, it is killed.
  if (random.below(4) === 0) {
    const everyMs = [1200, 2500, 4000][random.below(3)]!
    for (let atMs = fromMs; atMs < untilMs; atMs += everyMs * (0.5 + random.float()))
      faults.push({ ...drawFault(random, "crashRoot", atMs, machines), forMs: 50 + 900 * random.float() })
  }
  return faults.sort((a, b) => a.atMs - b.atMs)
}

function drawFault(random: SeededRandom, kind: ElectionFaultKind, atMs: number, machines: number): ElectionFault {
  const forMs = [
    5 + 60 * random.float(),
    100 + 900 * random.float(),
    1000 + 3000 * random.float(),
    6000 * random.float(),
  ][random.below(4)]!
  const machine = /Root$|^nearMiss$/.test(kind) ? -1 : random.below(machines)
  const base = { kind, atMs, forMs, machine, draw: random.u32() }
  return kind === "weather" ? { ...base, weather: drawWeather(random) } : base
}

export function drawWeather(random: SeededRandom): Weather {
  const rate = () => [0, 0, 0.001, 0.01, 0.05, 0.2][random.below(6)]!
  return {
    dropRate: rate(),
    duplicateRate: rate(),
    reorderRate: rate(),
    latencyMs: [fairWeather.latencyMs, fairWeather.latencyMs, { min: 0.5, max: 5 }, { min: 5, max: 40 }][
      random.below(4)
    ]!,
    heavyTail: [0, 0, 0.005, 0.05][random.below(4)]!,
  }
}

export function describeElectionFault(fault: ElectionFault): string {
  const { kind, atMs, forMs, machine, draw } = fault
  const whom = machine < 0 ? "" : ` v${machine + 1}`
  return `  ${atMs.toFixed(0).padStart(6)} ${kind}${whom} for ${forMs.toFixed(0)} ms (draw ${draw})${fault.weather === undefined ? "" : ` ${JSON.stringify(fault.weather)}`}`
}

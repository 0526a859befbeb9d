/**
 * What goes wrong in one run, drawn from its seed: each seed picks its own kinds of faults and its own rates (swarm
 * testing), so that rare mixtures come up too. The script is data first, and can be read before it is played.
 */
import type { SeededRandom } from "../../core/random.ts"
import type { Leg, LegFaults } from "../../transport/simulated/fault.ts"
import type { World } from "./world.ts"

export const FaultKind = {
  Drop: "drop",
  Duplicate: "duplicate",
  Reorder: "reorder",
  Delay: "delay",
  Disconnect: "disconnect",
  Cut: "cut",
  Partition: "partition",
  OneWay: "oneWay",
  Slow: "slow",
  PauseClient: "pauseClient",
  PauseHost: "pauseHost",
  CrashClient: "crashClient",
  CrashHost: "crashHost",
  LeaveClient: "leaveClient",
  CloseHost: "closeHost",
} as const
export type FaultKind = (typeof FaultKind)[keyof typeof FaultKind]

export interface Fault {
  readonly kind: FaultKind
  readonly atMs: number
  readonly forMs: number
  /** Machine it happens to; for network faults one end of it. */
  readonly name: string
  readonly leg?: Leg | "all"
  readonly faults?: LegFaults
  /** Crashes without a word; for partitions: towards the host rather than from it. */
  readonly silent?: boolean
  readonly bytesPerSecond?: number
}

export interface ScriptOptions {
  /** Those with a host above. */
  readonly clients: readonly string[]
  /** Those with clients below. */
  readonly hosts: readonly string[]
  readonly fromMs: number
  readonly untilMs: number
  readonly least: number
  readonly most: number
}

export function drawScript(random: SeededRandom, options: ScriptOptions): Fault[] {
  const kinds = (Object.values(FaultKind) as FaultKind[]).filter(() => random.below(3) === 0)
  while (kinds.length < 2) kinds.push(Object.values(FaultKind)[random.below(Object.values(FaultKind).length)]!)
  const count = options.least + random.below(options.most - options.least + 1)
  const faults: Fault[] = []
  for (let i = 0; i < count; i++) {
    const kind = kinds[i < kinds.length ? i : random.below(kinds.length)]!
    const atMs = options.fromMs + random.float() * (options.untilMs - options.fromMs)
    faults.push(drawFault(random, kind, atMs, options))
  }
  return faults.sort((a, b) => a.atMs - b.atMs)
}

function drawFault(random: SeededRandom, kind: FaultKind, atMs: number, options: ScriptOptions): Fault {
  const name = /Host$/.test(kind)
    ? options.hosts[options.hosts.length > 1 ? random.below(options.hosts.length) : 0]!
    : options.clients[random.below(options.clients.length)]!
  const forMs = random.below(3) === 0 ? 20 + 200 * random.float() : 200 + 4000 * random.float()
  const leg = (["control", "publish", "push", "all"] as const)[random.below(4)]!
  const rate = [0.001, 0.01, 0.05, 0.3][random.below(4)]!
  const base = { kind, atMs, forMs, name }
  switch (kind) {
    case "drop":
      return { ...base, leg: leg === "control" ? "all" : leg, faults: { dropRate: rate } }
    case "duplicate":
      return { ...base, leg, faults: { duplicateRate: rate } }
    case "reorder":
      return { ...base, leg, faults: { reorderRate: rate } }
    case "delay":
      return {
        ...base,
        leg,
        faults: {
          latencyMs: { min: 0.1, max: [1, 10, 50][random.below(3)]!, heavyTail: [0, 0.01, 0.1][random.below(3)]! },
        },
      }
    case "disconnect":
      return { ...base, leg, faults: { disconnectRate: rate / 3 } }
    case "slow":
      return { ...base, bytesPerSecond: [10_000, 50_000, 200_000][random.below(3)]! }
    case "oneWay":
    case "crashClient":
    case "crashHost":
      return { ...base, silent: random.below(2) === 0 }
    default:
      return base
  }
}

export interface Cast {
  /** The host that the machine's endpoint joins; what happens to a link happens between the two. */
  hostOf(name: string): string
  /** Opens the machine's endpoint anew. */
  reopen(name: string): void
  /** What the machine's endpoint does when asked to go; resolves when it is closed. */
  leave(name: string): Promise<void>
}

/** Plays the script on the world, each fault at its time. Everything it began it ends. */
export function play(world: World, script: readonly Fault[], cast: Cast): void {
  for (const fault of script) world.clock.after(fault.atMs - world.clock.now(), () => begin(world, fault, cast))
}

function begin(world: World, fault: Fault, cast: Cast): void {
  const { network, clock } = world
  const { kind, name, forMs } = fault
  const host = cast.hostOf(name)
  world.journal.note(name, "fault:", () => describeFault(fault))
  const later = (action: () => void) => clock.after(forMs, action)
  switch (kind) {
    case "cut":
      network.cut(name, host)
      return
    case "partition":
      network.partition(name, host)
      later(() => network.heal(name, host))
      return
    case "oneWay":
      if (fault.silent) network.partition(name, host, { oneWay: true })
      else network.partition(host, name, { oneWay: true })
      later(() => network.heal(name, host))
      return
    case "slow":
      network.slow(name, fault.bytesPerSecond)
      later(() => network.slow(name, undefined))
      return
    case "pauseClient":
    case "pauseHost":
      if (world.life(name) === undefined) return
      world.pause(name)
      later(() => world.resume(name))
      return
    case "crashClient":
    case "crashHost":
      if (world.life(name) === undefined) return
      world.crash(name, { silent: fault.silent ?? false })
      later(() => cast.reopen(name))
      return
    case "leaveClient":
    case "closeHost":
      if (world.life(name)?.endpoint === undefined) return
      void cast.leave(name).then(() => later(() => cast.reopen(name)))
      return
    default: {
      network.setFaults(fault.leg!, fault.faults!)
      later(() => network.setFaults(fault.leg!, {}))
    }
  }
}

/** One line for a person. */
export function describeFault(fault: Fault): string {
  const { kind, name, atMs, forMs, leg, faults, silent, bytesPerSecond } = fault
  const details = [
    faults === undefined ? name : `${leg} ${JSON.stringify(faults)}`,
    silent === undefined ? "" : silent ? "silent" : "loud",
    bytesPerSecond === undefined ? "" : `${bytesPerSecond} B/s`,
  ]
  return `${atMs.toFixed(0).padStart(6)} ms ${kind} ${details.filter(text => text !== "").join(" ")} for ${forMs.toFixed(0)} ms`
}

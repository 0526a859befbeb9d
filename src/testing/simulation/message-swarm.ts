/**
 * One run of a swarm: a host, its clients, a workload and a fault script, all drawn from one number; then everything
 * heals, and what was promised is judged. The number is the whole bug report.
 */
import { SeededRandom } from "../../core/random.ts"
import type { SlowOptions } from "../../endpoint/api.ts"
import type { EndpointRules } from "../../endpoint/rules.ts"
import { closeAll } from "./close-all.ts"
import { Cluster } from "./cluster.ts"
import { describeFault, drawScript, type Fault, play } from "./fault-script.ts"
import type { Violation } from "./journal.ts"
import { RosterWatch, watchSettledMs, watchStatusMs } from "./roster-watch.ts"
import { describeTopology, drawTree, star } from "./topology.ts"
import { drawWorkload, Workload, type WorkloadCounts, type WorkloadPlan } from "./workload.ts"
import { World } from "./world.ts"

export interface MessageSwarmOptions {
  readonly seed: number
  /** A tree of relays rather than a host with its clients. */
  readonly tree?: boolean
  /** Everyone tells how it fares, some watch, and in the end each watcher must see who is where. Default false. */
  readonly roster?: boolean
  /** Journal entries kept. Default 400. */
  readonly kept?: number
  /** Places in the fault script that are played. Default all. */
  readonly only?: readonly number[]
  /** A rule that no endpoint keeps. Default none. */
  readonly without?: string
}

export interface MessageSwarmOutcome {
  readonly seed: number
  readonly hash: string
  readonly violations: readonly Violation[]
  readonly endpoints: number
  readonly virtualMs: number
  readonly faults: readonly Fault[]
  readonly counts: MessageSwarmCounts
  /** The plan, the script, the violations and the last of the journal, for a person. */
  report(lines?: number, about?: string): string
}

export interface MessageSwarmCounts extends WorkloadCounts {
  /** Of the network. */
  readonly events: number
}

interface Plan {
  readonly clients: number
  readonly heartbeatMs: number
  readonly sessionKeepMs: number
  readonly joinTimeoutMs: number
  readonly backOffMs: number
  readonly replayMessages: number
  readonly windowMessages: number
  readonly slow: SlowOptions
  /** Everybody sends once more at the end; otherwise silence must do. */
  readonly lastWords: boolean
  readonly workload: WorkloadPlan
}

/** Virtual time in which the workload runs and things go wrong. */
const stormMs = 14_000
/** Virtual time after the last repair in which all must be told and delivered. */
const calmMs = 3_000
const hostName = "hub"

export async function simulateMessages(options: MessageSwarmOptions): Promise<MessageSwarmOutcome> {
  const { seed } = options
  const random = new SeededRandom(seed)
  const plan = drawPlan(random)
  const topology = options.tree ? drawTree(random, hostName) : star(hostName, plan.clients)
  const clients = [...topology.relays, ...topology.leaves]
  const script = drawScript(random, {
    clients,
    hosts: [hostName, ...topology.relays],
    fromMs: 1500,
    untilMs: stormMs - 1500,
    least: 3,
    most: 9,
  }).filter((_, at) => options.only?.includes(at) ?? true)
  const hostLost = script.some(fault => fault.kind === "crashHost" || fault.kind === "closeHost")
  const world = new World({
    seed,
    statusMs: options.roster ? watchStatusMs : 0,
    ...(options.without === undefined ? {} : { without: options.without as keyof EndpointRules }),
    ...(options.kept === undefined ? {} : { kept: options.kept }),
  })
  const { journal } = world
  const workload = new Workload(world, plan.workload, () => hostLost, topology)
  const watch = options.roster ? new RosterWatch(world) : undefined
  const cluster = new Cluster(world, {
    topology,
    hosting: {
      heartbeatMs: plan.heartbeatMs,
      sessionKeepMs: plan.sessionKeepMs,
      replay: { messages: plan.replayMessages },
      slow: plan.slow,
    },
    joining: {
      joinTimeoutMs: plan.joinTimeoutMs,
      reconnect: { minMs: plan.backOffMs, maxMs: plan.backOffMs * 10 },
      sendWindow: { messages: plan.windowMessages },
    },
    onOpen: life => {
      workload.employ(life)
      watch?.employ(life)
    },
  })

  let endpoints = 0
  try {
    await cluster.begin(random, 800)
    play(world, script, cluster)
    await world.run(stormMs)
    await cluster.heal()
    await cluster.settle(
      plan.sessionKeepMs + (topology.relays.length + 2) * (plan.joinTimeoutMs + plan.backOffMs * 10) + 2000,
    )
    workload.stop()
    await world.run(calmMs)
    if (plan.lastWords || hostLost) {
      workload.lastWords()
      await world.run(calmMs)
    }
    workload.judge()
    if (watch !== undefined) await world.run(watchSettledMs)
    watch?.judge()
    endpoints = world.living.length
    await closeAll(world, random)
  } catch (thrown) {
    journal.violated("threw", thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
  }

  const outcome: MessageSwarmOutcome = {
    seed,
    hash: world.hash,
    violations: journal.violations,
    endpoints,
    virtualMs: world.clock.now(),
    faults: script,
    counts: { ...workload.counts, events: world.network.trace.count },
    report: (lines = 60, about) =>
      [
        `seed ${seed}: ${journal.violations.length === 0 ? "all promises kept" : `${journal.violations.length} promises broken`}`,
        `tree ${describeTopology(topology)}`,
        `plan ${JSON.stringify(plan)}`,
        ...script.map(describeFault),
        ...journal.violations
          .slice(0, 12)
          .map(({ atMs, invariant, what }) => `  ${invariant} at ${atMs.toFixed(2)}: ${what}`),
        `last of the journal:`,
        ...journal.tail(lines, about),
        `again: npm run simulate -- --seed ${seed}${options.tree ? " --tree" : " --messages"}`,
      ].join("\n"),
  }
  return outcome
}

function drawPlan(random: SeededRandom): Plan {
  return {
    clients: 3 + random.below(3),
    heartbeatMs: [100, 250, 250, 500][random.below(4)]!,
    sessionKeepMs: [1500, 3000, 5000][random.below(3)]!,
    joinTimeoutMs: 1000 + random.below(1500),
    backOffMs: [20, 100][random.below(2)]!,
    replayMessages: [16, 256, 65_536, 65_536][random.below(4)]!,
    windowMessages: [8, 10_000, 10_000][random.below(3)]!,
    slow: {
      policy: (["disconnect", "disconnect", "dropOldest", "warn"] as const)[random.below(4)]!,
      hwm: { messages: [10, 50, 10_000, 10_000][random.below(4)]! },
      maxLagMs: [1000, 10_000][random.below(2)]!,
    },
    lastWords: random.below(2) === 0,
    workload: drawWorkload(random),
  }
}

/**
 * One run of a whole tree: five to forty endpoints at random places, messages and documents, at least a minute of virtual
 * time with at least five faults, all drawn from one number; then everything heals, and what was promised is judged.
 */
import { SeededRandom } from "../../core/random.ts"
import type { SlowOptions } from "../../endpoint/api.ts"
import type { EndpointRules } from "../../endpoint/rules.ts"
import { closeAll } from "./close-all.ts"
import { Cluster } from "./cluster.ts"
import { DocumentWorkload } from "./document-workload.ts"
import { describeFault, drawScript, type Fault, play } from "./fault-script.ts"
import type { SimulationOptions, SimulationRun } from "./kind.ts"
import { judgeMembers } from "./membership.ts"
import { describeTopology, drawWideTree } from "./topology.ts"
import { Workload, type WorkloadPlan } from "./workload.ts"
import { type Life, World } from "./world.ts"

interface Plan {
  readonly nodes: number
  readonly maxDepth: number
  readonly maxDegree: number
  readonly heartbeatMs: number
  readonly sessionKeepMs: number
  readonly joinTimeoutMs: number
  readonly backOffMs: number
  readonly replayMessages: number
  readonly windowMessages: number
  readonly slow: SlowOptions
  /** Clocks run this much faster or slower, at most. */
  readonly driftMax: number
  /** Everybody sends once more at the end; otherwise silence must do. */
  readonly lastWords: boolean
  /** Undefined: nobody sends. */
  readonly messages: WorkloadPlan | undefined
  readonly documents: number
  /** Mean time between two acts of all writers of a document. */
  readonly documentPaceMs: number
}

const leastNodes = 5
const defaultNodes = 40
const rootName = "hub"
/** What of the minutes is for opening, healing and calm. */
const aroundMs = 16_000
/** Everybody opens within this long. */
const openingMs = 1_500
/** Virtual time after the last repair in which all must be told and delivered. */
const calmMs = 4_000
/** And in which replicas must be equal: time to exchange, to be quiet and to be told. */
const documentCalmMs = 12_000

export async function simulateSwarm(options: SimulationOptions): Promise<SimulationRun> {
  const { seed, nodes = defaultNodes, minutes = 1 } = options
  const random = new SeededRandom(seed)
  const plan = drawPlan(random.fork(), Math.max(leastNodes, nodes))
  const topology = drawWideTree(random.fork(), { root: rootName, ...plan })
  const stormMs = Math.max(20_000, minutes * 60_000 - aroundMs)
  const drawn = drawScript(random.fork(), {
    clients: [...topology.relays, ...topology.leaves],
    hosts: [rootName, ...topology.relays],
    fromMs: openingMs + 1_500,
    untilMs: stormMs - 1_500,
    least: 5,
    most: Math.round((10 + plan.nodes / 2) * Math.max(1, minutes)),
  })
  const script = drawn.filter((_, at) => options.only?.includes(at) ?? true)
  const lost = script.filter(fault => fault.kind === "crashHost" || fault.kind === "closeHost")
  const world = new World({
    seed,
    ...(options.kept === undefined ? {} : { kept: options.kept }),
    ...(options.without === undefined ? {} : { without: options.without as keyof EndpointRules }),
  })
  const { journal, network } = world
  const workload =
    plan.messages === undefined ? undefined : new Workload(world, plan.messages, () => lost.length > 0, topology)
  const documents = Array.from({ length: plan.documents }, (_, i) => `d${i + 1}`)
  const writing = new DocumentWorkload(world, {
    documents,
    leastMs: plan.documentPaceMs * plan.nodes * 0.2,
    spanMs: plan.documentPaceMs * plan.nodes * 1.6,
    rootLost: lost.some(({ name }) => name === rootName),
  })
  const worldRandom = random.fork()
  const cluster = new Cluster(world, {
    topology,
    hosting: {
      maxClients: 64,
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
    onOpen: life => employ(life),
    onLeave: life => writing.leave(life),
  })
  function employ(life: Life): void {
    network.drift(life.name, { rate: 1 + (worldRandom.float() * 2 - 1) * plan.driftMax })
    workload?.employ(life)
    // Who opens no document serves those of others all the same.
    const chosen = documents.filter(() => worldRandom.below(4) > 0)
    if (documents.length > 0) writing.employ(life, chosen, worldRandom)
  }

  let endpoints = 0
  try {
    await cluster.begin(worldRandom, openingMs)
    play(world, script, cluster)
    await world.run(stormMs)
    await cluster.heal()
    await cluster.settle(plan.sessionKeepMs + (plan.maxDepth + 2) * (plan.joinTimeoutMs + plan.backOffMs * 10) + 4_000)
    workload?.stop()
    writing.stop()
    await world.run(plan.documents > 0 ? documentCalmMs : calmMs)
    if (plan.lastWords || lost.length > 0) {
      workload?.lastWords()
      await world.run(calmMs)
    }
    workload?.judge()
    writing.judge()
    judgeMembers(world, topology.root)
    endpoints = world.living.length
    writing.abort()
    await closeAll(world, worldRandom)
  } catch (thrown) {
    journal.violated("threw", thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
  }
  return {
    seed,
    hash: world.hash,
    violations: journal.violations,
    endpoints,
    virtualMs: world.clock.now(),
    faults: script,
    counts: {
      ...workload?.counts,
      edits: writing.edits,
      editsAcknowledged: writing.acknowledged,
      events: network.trace.count,
      relays: topology.relays.length,
    },
    times: [],
    report: (lines = 60, about) =>
      [
        `seed ${seed}: ${journal.violations.length === 0 ? "all promises kept" : `${journal.violations.length} promises broken`}`,
        `tree ${describeTopology(topology)}`,
        `plan ${JSON.stringify(plan)}`,
        ...script.map((fault: Fault) => describeFault(fault)),
        ...journal.violations
          .slice(0, 12)
          .map(({ atMs, invariant, what }) => `  ${invariant} at ${atMs.toFixed(2)}: ${what}`),
        "last of the journal:",
        ...journal.tail(lines, about),
        `again: npm run simulate -- --swarm --seed ${seed}`,
      ].join("\n"),
  }
}

function drawPlan(random: SeededRandom, most: number): Plan {
  // Small trees more often than large ones: of two draws the smaller.
  const draw = () => random.below(most - leastNodes + 1)
  const nodes = leastNodes + Math.min(draw(), draw())
  const subject = random.below(4)
  const heartbeatMs = [250, 500, 1000][random.below(3)]!
  return {
    nodes,
    maxDepth: 1 + random.below(4),
    maxDegree: 3 + random.below(14),
    heartbeatMs,
    sessionKeepMs: [1500, 3000, 5000][random.below(3)]!,
    joinTimeoutMs: 1000 + random.below(1500),
    backOffMs: [20, 100][random.below(2)]!,
    replayMessages: [16, 256, 65_536, 65_536][random.below(4)]!,
    windowMessages: [8, 10_000, 10_000][random.below(3)]!,
    slow: {
      policy: (["disconnect", "disconnect", "dropOldest", "warn"] as const)[random.below(4)]!,
      hwm: { messages: [10, 50, 10_000, 10_000][random.below(4)]! },
      // Those who follow say with their heartbeats how far they are: a lag below a few of them is no lag.
      maxLagMs: [4 * heartbeatMs, 10_000][random.below(2)]!,
    },
    driftMax: random.below(2) * 0.02,
    lastWords: random.below(2) === 0,
    messages: subject === 0 ? undefined : drawMessages(random, nodes),
    documents: subject === 1 ? 0 : 1 + random.below(2),
    documentPaceMs: 300 + random.below(700),
  }
}

/** Pace is the tree's, not the endpoint's: a large tree is to say as much as a small one. */
function drawMessages(random: SeededRandom, nodes: number): WorkloadPlan {
  return {
    paceMs: nodes * (60 + random.below(300)),
    nearestTopics: 1 + random.below(3),
    orderedTopics: random.below(3),
    acknowledged: random.below(2) * 0.2,
    requests: random.below(2) * 0.15,
    directs: random.below(2) * 0.15,
    subscriptions: random.below(2) * 0.08,
    burst: 1 + random.below(3) ** 2,
    paddingBytes: random.below(8) === 0 ? 20_000 : 0,
  }
}

/**
 * One run of a tree with voters: whole endpoints, ordered and nearest messages and documents, and root after root lost
 * under that load, among other faults, all drawn from one number; then everything heals, and what was promised is judged.
 */
import { SeededRandom } from "../../../core/random.ts"
import type { EndpointRules } from "../../../endpoint/rules.ts"
import { closeAll } from "../close-all.ts"
import { DocumentWorkload } from "../document-workload.ts"
import type { SimulationOptions, SimulationRun } from "../kind.ts"
import { Workload, type WorkloadPlan } from "../workload.ts"
import { type Life, World } from "../world.ts"
import { ClosedDocuments } from "./closed-documents.ts"
import { describePromotionFault, drawPromotionScript, type PromotionFault } from "./promotion-script.ts"
import { PromotionStage } from "./promotion-stage.ts"
import { ReignWatch } from "./reign-watch.ts"
import { VotingCluster } from "./voting-cluster.ts"

export interface PromotionPlan {
  readonly voters: number
  readonly relays: number
  readonly clients: number
  readonly external: boolean
  readonly direct: boolean
  readonly commit: "root" | "majority"
  readonly syncMs: { readonly min: number; readonly max: number }
  readonly heartbeatMs: number
  readonly sessionKeepMs: number
  readonly joinTimeoutMs: number
  readonly replayMessages: number
  readonly windowMessages: number
  /** Clocks run this much faster or slower, at most. */
  readonly driftMax: number
  readonly messages: WorkloadPlan
  readonly documents: number
}

/** The voters have found each other by then. */
const foundingMs = 8_000
/** The others have joined, and sent something. */
const joiningMs = 1_500
const defaultMinutes = 0.45
/** Faults still under way when everything is healed have ended by themselves after this long. */
const lastFaultsMs = 3_600
const settledWithinMs = 15_000
/** Virtual time in which all must be told and delivered, and in which replicas must be equal. */
const calmMs = 3_500
const documentCalmMs = 7_000

export async function simulatePromotion(options: SimulationOptions): Promise<SimulationRun> {
  const { seed, minutes = defaultMinutes } = options
  const random = new SeededRandom(seed)
  const plan = drawPlan(random.fork(), options.nodes)
  const stormMs = Math.max(5_000, minutes * 60_000)
  const drawn = drawPromotionScript(random.fork(), { fromMs: 0, untilMs: stormMs, external: plan.external })
  const script = drawn.filter((_, at) => options.only?.includes(at) ?? true)
  const world = new World({
    seed,
    ...(options.kept === undefined ? {} : { kept: options.kept }),
    ...(options.without === undefined ? {} : { without: options.without as keyof EndpointRules }),
  })
  const { journal, network } = world
  const workload = new Workload(world, plan.messages, () => true, { root: "", parentOf: () => "" })
  const documents = Array.from({ length: plan.documents }, (_, i) => `d${i + 1}`)
  const nodes = plan.voters + plan.relays + plan.clients
  const writing = new DocumentWorkload(world, { documents, leastMs: 40 * nodes, spanMs: 120 * nodes, rootLost: true })
  const worldRandom = random.fork()
  const reigns = new ReignWatch(world)
  const cluster = new VotingCluster(world, {
    ...plan,
    voters: names("v", plan.voters),
    relays: names("r", plan.relays),
    clients: names("c", plan.clients),
    random: random.fork(),
    hosting: {
      heartbeatMs: plan.heartbeatMs,
      sessionKeepMs: plan.sessionKeepMs,
      replay: { messages: plan.replayMessages },
    },
    joining: {
      joinTimeoutMs: plan.joinTimeoutMs,
      reconnect: { minMs: 20, maxMs: 300 },
      sendWindow: { messages: plan.windowMessages },
    },
    onOpen: employ,
    onLeave: life => writing.leave(life),
  })
  const closed = new ClosedDocuments(world, random.fork())
  const stage = new PromotionStage(world, cluster, reigns, () => workload.counts.sends)
  function employ(life: Life): void {
    network.drift(life.name, { rate: 1 + (worldRandom.float() * 2 - 1) * plan.driftMax })
    reigns.opened(life)
    workload.employ(life)
    // Who opens no document serves those of others all the same.
    const chosen = documents.filter(() => worldRandom.below(4) > 0)
    if (documents.length > 0) closed.employ(life, options => writing.employ(life, chosen, worldRandom, options))
  }

  let endpoints = 0
  try {
    await cluster.begin(foundingMs)
    await world.run(joiningMs)
    if (plan.documents > 0) closed.start()
    stage.play(script)
    await world.run(stormMs)
    closed.stop()
    await cluster.heal(lastFaultsMs)
    await cluster.settle(settledWithinMs)
    workload.stop()
    writing.stop()
    await world.run(plan.documents > 0 ? documentCalmMs : calmMs)
    workload.lastWords()
    await world.run(calmMs)
    workload.ledger.learnLog(cluster.log())
    workload.judge()
    writing.judge()
    await closed.judge()
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
      ...workload.counts,
      rootKills: stage.rootKills,
      promotions: reigns.promotions,
      edits: writing.edits,
      editsAcknowledged: writing.acknowledged,
      editsLostRooted: writing.lostRooted,
      closedAcknowledged: closed.acknowledged,
      closedLostRooted: closed.lostRooted,
      events: network.trace.count,
    },
    times: reigns.times,
    report: (lines = 60, about) =>
      [
        `seed ${seed}: ${journal.violations.length === 0 ? "all promises kept" : `${journal.violations.length} promises broken`}`,
        `plan ${JSON.stringify(plan)}`,
        `${stage.rootKills} roots killed under load, ${reigns.promotions} promotions, last epoch ${reigns.highest}; lost ${JSON.stringify(workload.ledger.losses)}`,
        ...script.map((fault: PromotionFault) => describePromotionFault(fault)),
        ...journal.violations
          .slice(0, 12)
          .map(({ atMs, invariant, what }) => `  ${invariant} at ${atMs.toFixed(2)}: ${what}`),
        "last of the journal:",
        ...journal.tail(lines, about),
        `again: npm run simulate -- --promotion --seed ${seed}`,
      ].join("\n"),
  }
}

function names(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${letter}${i + 1}`)
}

function drawPlan(random: SeededRandom, most = 9): PromotionPlan {
  const voters = most >= 6 && random.below(4) === 0 ? 5 : 3
  const relays = Math.min(random.below(3), Math.max(0, most - voters - 1))
  const clients = 1 + random.below(Math.max(1, Math.min(4, most - voters - relays)))
  const nodes = voters + relays + clients
  return {
    voters,
    relays,
    clients,
    external: random.below(3) === 0,
    direct: random.below(4) > 0,
    commit: random.below(4) === 0 ? "majority" : "root",
    syncMs: [
      { min: 0.1, max: 0.5 },
      { min: 1, max: 5 },
      { min: 5, max: 30 },
    ][random.below(3)]!,
    heartbeatMs: [250, 250, 500][random.below(3)]!,
    sessionKeepMs: [1500, 5000][random.below(2)]!,
    joinTimeoutMs: 1000 + random.below(1000),
    replayMessages: [64, 65_536, 65_536][random.below(3)]!,
    windowMessages: [16, 10_000, 10_000][random.below(3)]!,
    driftMax: random.below(2) * 0.02,
    messages: {
      paceMs: nodes * (10 + random.below(30)),
      nearestTopics: 1,
      orderedTopics: 1 + random.below(2),
      acknowledged: 0.3,
      requests: random.below(2) * 0.1,
      directs: random.below(2) * 0.1,
      subscriptions: random.below(2) * 0.04,
      burst: 1 + random.below(3),
      paddingBytes: 0,
      voters: true,
    },
    documents: random.below(3) === 0 ? 0 : 1,
  }
}

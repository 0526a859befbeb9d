/**
 * One run of a swarm that edits a document together: a host and its clients on virtual time, a fault script, edits of
 * every kind, all drawn from one number. When everything has healed, all replicas must hold the same, and nothing that a
 * living writer wrote may be missing.
 */
import { SeededRandom } from "../../core/random.ts"
import { Cluster } from "./cluster.ts"
import { DocumentWorkload } from "./document-workload.ts"
import { describeFault, drawScript, type Fault, play } from "./fault-script.ts"
import type { Violation } from "./journal.ts"
import { star } from "./topology.ts"
import { World } from "./world.ts"

export interface DocumentSwarmOptions {
  readonly seed: number
  /** Journal entries kept. Default 400. */
  readonly kept?: number
  /** Places in the fault script that are played. Default all. */
  readonly only?: readonly number[]
}

export interface DocumentSwarmOutcome {
  readonly seed: number
  readonly hash: string
  readonly violations: readonly Violation[]
  readonly endpoints: number
  readonly virtualMs: number
  readonly faults: readonly Fault[]
  readonly edits: number
  /** Edits whose acknowledgement came. */
  readonly acknowledged: number
  /** Events of the network. */
  readonly events: number
  report(lines?: number, about?: string): string
}

const stormMs = 12_000
/** From the last repair until all must be equal: time to join, to exchange, to be quiet and to be told. */
const calmMs = 12_000
const hostName = "hub"
const documentName = "minutes"

export async function simulateDocuments(options: DocumentSwarmOptions): Promise<DocumentSwarmOutcome> {
  const { seed } = options
  const random = new SeededRandom(seed)
  const topology = star(hostName, 3 + random.below(3))
  const script = drawScript(random, {
    clients: topology.leaves,
    hosts: [hostName],
    fromMs: 1_500,
    untilMs: stormMs - 1_500,
    least: 3,
    most: 9,
  }).filter((_, at) => options.only?.includes(at) ?? true)
  const rootLost = script.some(fault => fault.kind === "crashHost" || fault.kind === "closeHost")
  const world = new World({ seed, ...(options.kept === undefined ? {} : { kept: options.kept }) })
  const { journal, network } = world
  const workload = new DocumentWorkload(world, { documents: [documentName], leastMs: 20, spanMs: 250, rootLost })
  const cluster = new Cluster(world, {
    topology,
    hosting: { sessionKeepMs: 2_000, replay: { messages: [8, 65_536][random.below(2)]! } },
    joining: {
      joinTimeoutMs: 1_500,
      reconnect: { minMs: 50, maxMs: 500 },
      sendWindow: { messages: [4, 10_000, 10_000][random.below(3)]! },
    },
    onOpen: life => workload.employ(life, [documentName], random),
    onLeave: life => workload.leave(life),
  })

  await cluster.begin(random, 800)
  play(world, script, cluster)
  await world.run(stormMs)
  await cluster.heal()
  workload.stop()
  await world.run(calmMs)
  await cluster.settle(0)

  workload.judge()
  const endpoints = world.living.length
  workload.abort()
  for (const { endpoint } of world.living) endpoint?.abort()
  await world.run(1_000)
  return {
    seed,
    hash: world.hash,
    violations: journal.violations,
    endpoints,
    virtualMs: world.clock.now(),
    faults: script,
    edits: workload.edits,
    acknowledged: workload.acknowledged,
    events: network.trace.count,
    report: (lines = 60, about) =>
      [
        `seed ${seed}: ${journal.violations.length} promises broken; ${workload.edits} edits`,
        ...script.map(describeFault),
        ...journal.violations.slice(0, 12).map(({ invariant, what }) => `  ${invariant}: ${what}`),
        ...journal.tail(lines, about),
        `again: npm run simulate -- --documents --seed ${seed}`,
      ].join("\n"),
  }
}

/**
 * The network parts in two, a majority of the voters on one side, and is healed again. Text is written on both sides all the
 * while; ordered topics go on where the majority is, and refuse on the other side (R6); in the end there is one root, and
 * all replicas are equal. Everything is drawn from one number.
 */
import { SeededRandom } from "../../../core/random.ts"
import type { EndpointRules } from "../../../endpoint/rules.ts"
import { closeAll } from "../close-all.ts"
import { DocumentWorkload } from "../document-workload.ts"
import type { Violation } from "../journal.ts"
import { Workload } from "../workload.ts"
import { type Life, World } from "../world.ts"
import { ReignWatch } from "./reign-watch.ts"
import { VotingCluster } from "./voting-cluster.ts"

export interface PartitionOptions {
  readonly seed: number
  /** A rule that no endpoint keeps. Default none. */
  readonly without?: keyof EndpointRules
}

export interface PartitionOutcome {
  readonly hash: string
  readonly violations: readonly Violation[]
  /** Whether the root was on the side of the minority. */
  readonly rootWasCutOff: boolean
  readonly promotions: number
  /** Ordered sends that the minority refused, and that the majority acknowledged meanwhile. */
  readonly refused: number
  readonly acknowledged: number
  /** Words written on each side while it was cut off. */
  readonly words: { readonly minority: number; readonly majority: number }
  report(lines?: number): string
}

const splitMs = 8_000
/** The root's lease with its margin, the two seconds after which a minority says so, and its way down. */
const saidWithinMs = 5_000
const probeMs = 100
const calmMs = 8_000

export async function simulatePartition({ seed, without }: PartitionOptions): Promise<PartitionOutcome> {
  const random = new SeededRandom(seed)
  const world = new World({ seed, ...(without === undefined ? {} : { without }) })
  const { journal, network, clock } = world
  const voters = Array.from({ length: random.below(2) === 0 ? 3 : 5 }, (_, i) => `v${i + 1}`)
  const clients = ["c1", "c2", "c3", "c4"]
  const workload = new Workload(
    world,
    {
      paceMs: 200,
      nearestTopics: 1,
      orderedTopics: 1,
      acknowledged: 0.5,
      requests: 0,
      directs: 0,
      subscriptions: 0,
      burst: 1,
      paddingBytes: 0,
      voters: true,
    },
    () => true,
    { root: "", parentOf: () => "" },
  )
  const documents = ["minutes"]
  const writing = new DocumentWorkload(world, { documents, leastMs: 50, spanMs: 300, rootLost: false })
  const reigns = new ReignWatch(world)
  const cluster = new VotingCluster(world, {
    voters,
    relays: [],
    clients,
    external: false,
    direct: true,
    commit: "root",
    syncMs: { min: 0.5, max: 3 },
    hosting: {},
    joining: { reconnect: { minMs: 20, maxMs: 300 } },
    random: random.fork(),
    onOpen: (life: Life) => {
      reigns.opened(life)
      workload.employ(life)
      writing.employ(life, documents, random)
    },
  })
  let rootWasCutOff = false
  let refused = 0
  let acknowledged = 0
  const words = { minority: 0, majority: 0 }

  await cluster.begin(8_000)
  await world.run(2_000)
  const root = cluster.root!.name
  rootWasCutOff = random.below(2) === 0
  const few = Math.floor(voters.length / 2)
  const others = voters.filter(name => name !== root)
  const cutOff = rootWasCutOff ? [root, ...others.slice(0, few - 1)] : others.slice(0, few)
  // Whoever hangs at a host goes with it.
  const minority = [...cutOff, ...clients.filter(name => cutOff.includes(world.hostOf(name) ?? ""))]
  const majority = cluster.names.filter(name => !minority.includes(name))
  journal.note(root, "is the root; cut off are", minority.join(" "))
  const writtenBy = (names: readonly string[]) => names.reduce((sum, name) => sum + writing.writtenBy(name).length, 0)
  const before = { minority: writtenBy(minority), majority: writtenBy(majority), acked: workload.ledger.acknowledged }
  for (const near of minority) for (const far of majority) network.partition(near, far)
  const partedAt = clock.now()
  const probe = clock.every(probeMs, () => {
    if (clock.now() < partedAt + saidWithinMs) return
    for (const name of minority) {
      const outcome = workload.trySend(name, "o.0")
      if (outcome === "NoAuthority") refused++
      else if (outcome !== undefined)
        journal.violated(
          "minority",
          `${name} took an ordered message ${clock.now() - partedAt} ms after it was cut off`,
        )
    }
  })
  await world.run(splitMs)
  probe.cancel()
  acknowledged = workload.ledger.acknowledged - before.acked
  words.minority = writtenBy(minority) - before.minority
  words.majority = writtenBy(majority) - before.majority
  for (const [side, names] of Object.entries({ minority, majority }))
    writing.judgeSide(side, names, clock.now() - 2_000)

  await cluster.heal(100)
  await cluster.settle(15_000)
  workload.stop()
  writing.stop()
  await world.run(calmMs)
  workload.lastWords()
  await world.run(2_000)
  workload.ledger.learnLog(cluster.log())
  workload.judge()
  writing.judge()
  writing.abort()
  // Closing a root gives its reign away.
  const { promotions } = reigns
  await closeAll(world, random)
  return {
    hash: world.hash,
    violations: journal.violations,
    rootWasCutOff,
    promotions,
    refused,
    acknowledged,
    words,
    report: (lines = 40) =>
      [
        `seed ${seed}: ${voters.length} voters, cut off: ${minority.join(" ")}${rootWasCutOff ? " (with the root)" : ""}`,
        ...journal.violations.slice(0, 12).map(({ atMs, invariant, what }) => `  ${invariant} at ${atMs}: ${what}`),
        ...journal.tail(lines),
      ].join("\n"),
  }
}

/**
 * One run of a tree that grows by itself: everybody is given the root's address, joins in storms, and is sent to where
 * there is room, while things go wrong. Judged is the shape: no host has more clients than it may, nobody hangs deeper than
 * it may, there is no loop, and in the end everybody is there.
 */
import { SeededRandom } from "../../core/random.ts"
import { closeAll } from "./close-all.ts"
import { Cluster } from "./cluster.ts"
import { describeFault, drawScript, play } from "./fault-script.ts"
import type { SimulatedTime, SimulationOptions, SimulationRun } from "./kind.ts"
import { judgeMembers, knowsAll } from "./membership.ts"
import type { Topology } from "./topology.ts"
import { World } from "./world.ts"

interface Plan {
  readonly relays: number
  readonly leaves: number
  readonly maxClients: number
  readonly fanOut: number
  readonly maxDepth: number
  readonly heartbeatMs: number
  readonly sessionKeepMs: number
  readonly joinTimeoutMs: number
  readonly backOffMs: number
  /** All come within this long. */
  readonly stormMs: number
}

const leastNodes = 5
const defaultNodes = 60
const rootName = "hub"
/** How often the shape is looked at. */
const lookMs = 100
/** A loop is found within this long of virtual time, or it is none that goes away by itself. */
const loopMs = 5_000
/** Without faults all who come at once are in within this long for each level, and as long at least. */
const attachLimitMs = 20_000
/** Faults of a run, over its time. */
const faultsForMs = 20_000

export async function simulateGrowth(options: SimulationOptions): Promise<SimulationRun> {
  const { seed, nodes = defaultNodes, minutes = 1 } = options
  const random = new SeededRandom(seed)
  const plan = drawPlan(random.fork(), Math.max(leastNodes, nodes))
  const topology = everybodyAtTheRoot(plan)
  const isCalm = random.below(4) === 0
  const untilMs = plan.stormMs + Math.max(faultsForMs, (minutes * 60_000) / 3)
  const drawn = isCalm
    ? []
    : drawScript(random.fork(), {
        clients: [...topology.relays, ...topology.leaves],
        hosts: [rootName, ...topology.relays],
        fromMs: plan.stormMs / 2,
        untilMs,
        least: 3,
        most: 6 + Math.round(nodes / 6),
      })
  const script = drawn.filter((_, at) => options.only?.includes(at) ?? true)
  const world = new World({ seed, ...(options.kept === undefined ? {} : { kept: options.kept }) })
  const { journal, network } = world
  const counts = { joined: 0, redirected: 0, busy: 0, full: 0, degreeMax: 0, depthMax: 0 }
  const times: SimulatedTime[] = []
  world.onEvent((_, event) => {
    if (event.type === "redirected") counts.redirected++
    else if (event.type === "refused" && event.code === "Busy") counts.busy++
    else if (event.type === "refused" && event.code === "Full") counts.full++
  })
  const worldRandom = random.fork()
  const cluster = new Cluster(world, {
    topology,
    hosting: {
      maxClients: plan.maxClients,
      fanOut: plan.fanOut,
      maxDepth: plan.maxDepth,
      heartbeatMs: plan.heartbeatMs,
      sessionKeepMs: plan.sessionKeepMs,
    },
    joining: {
      joinTimeoutMs: plan.joinTimeoutMs,
      reconnect: { minMs: plan.backOffMs, maxMs: plan.backOffMs * 10 },
    },
    onOpen: () => {
      counts.joined++
    },
  })
  const shape = new Shape(world, plan)

  let endpoints = 0
  try {
    await cluster.begin(worldRandom, plan.stormMs)
    play(world, script, cluster)
    if (isCalm) {
      let waited = 0
      for (; cluster.whoIsOut() !== "" && waited < attachLimitMs; waited += 10) {
        await world.run(10)
        if (waited % lookMs === 0) shape.look()
      }
      times.push({ what: `attach ${Math.ceil((plan.relays + plan.leaves) / 20) * 20}`, ms: waited })
    } else {
      for (let now = 0; now < untilMs; now += lookMs) {
        await world.run(lookMs)
        shape.look()
      }
      await cluster.heal()
    }
    await cluster.settle(attachLimitMs + plan.sessionKeepMs + plan.maxDepth * plan.joinTimeoutMs)
    // News of who is where has a heartbeat for each level.
    await world.run(plan.heartbeatMs * (plan.maxDepth + 2))
    // Who vanished without a word is missed by its host after a while, and where it moved from after another.
    if (!knowsAll(world, rootName)) await world.run(2 * plan.sessionKeepMs)
    shape.look()
    shape.judge(counts)
    endpoints = world.living.length
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
    counts: { ...counts, events: network.trace.count, relays: plan.relays },
    times,
    report: (lines = 60, about) =>
      [
        `seed ${seed}: ${journal.violations.length === 0 ? "all promises kept" : `${journal.violations.length} promises broken`}`,
        `plan ${JSON.stringify(plan)}`,
        `came to ${JSON.stringify(counts)}`,
        ...script.map(describeFault),
        ...journal.violations
          .slice(0, 12)
          .map(({ atMs, invariant, what }) => `  ${invariant} at ${atMs.toFixed(2)}: ${what}`),
        "last of the journal:",
        ...journal.tail(lines, about),
        `again: npm run simulate -- --growth --seed ${seed}`,
      ].join("\n"),
  }
}

/** More room than endpoints, in depth and in breadth: else somebody stays outside, and rightly so. */
function drawPlan(random: SeededRandom, nodes: number): Plan {
  const endpoints = leastNodes + random.below(nodes - leastNodes + 1)
  const maxClients = 2 + random.below(7)
  // Each relay takes a place and brings maxClients.
  const needed = Math.ceil((endpoints - maxClients) / maxClients)
  const relays = Math.min(endpoints, Math.max(1, needed) + random.below(Math.max(1, Math.ceil(endpoints / 2))) + 1)
  const heartbeatMs = [100, 250, 250, 500][random.below(4)]!
  return {
    relays,
    leaves: endpoints - relays,
    maxClients,
    fanOut: random.below(3) === 0 ? 1 + random.below(maxClients) : maxClients,
    maxDepth: 8,
    heartbeatMs,
    sessionKeepMs: heartbeatMs * (6 + random.below(10)),
    joinTimeoutMs: 1000 + random.below(2000),
    backOffMs: [20, 100][random.below(2)]!,
    stormMs: [1, 100, 1000, 5000][random.below(4)]!,
  }
}

function everybodyAtTheRoot(plan: Plan): Topology {
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`)
  return {
    root: rootName,
    relays: names("r", plan.relays),
    leaves: names("c", plan.leaves),
    parentOf: () => rootName,
  }
}

/** What is looked at again and again. */
class Shape {
  readonly #world: World
  readonly #plan: Plan
  /** Who hangs on itself, and since when. */
  readonly #loops = new Map<string, number>()
  #degreeMax = 0
  #depthMax = 0

  constructor(world: World, plan: Plan) {
    this.#world = world
    this.#plan = plan
  }

  look(): void {
    const { journal, clock } = this.#world
    const { maxClients, maxDepth } = this.#plan
    for (const { name, endpoint } of this.#world.living) {
      if (endpoint?.state !== "open") continue
      const clients = endpoint.peers.filter(({ role }) => role === "client").length
      const depth = endpoint.path.length - 1
      this.#degreeMax = Math.max(this.#degreeMax, clients)
      this.#depthMax = Math.max(this.#depthMax, depth)
      // Who takes a dead host's place may for a while have the clients of both.
      if (clients > 2 * maxClients) journal.violated("degree", `${name} has ${clients} clients of ${maxClients}`)
      if (depth > maxDepth + 1) journal.violated("depth", `${name} is ${depth} links from the root`)
    }
    for (const { name } of this.#world.living) {
      if (!this.#isInLoop(name)) this.#loops.delete(name)
      else if (!this.#loops.has(name)) this.#loops.set(name, clock.now())
      else if (clock.now() - this.#loops.get(name)! > loopMs) journal.violated("loop", `${name} hangs on itself`)
    }
  }

  /** Going up from host to host comes back to it. */
  #isInLoop(name: string): boolean {
    let at: string | undefined = name
    for (let links = 0; links <= this.#world.living.length; links++) {
      const host: string | undefined = this.#world
        .life(at)
        ?.endpoint?.peers.find(({ role, state }) => role === "host" && state === "up")?.name
      if (host === undefined) return false
      if (host === name) return true
      at = host
    }
    return false
  }

  /** When all is calm. */
  judge(counts: { degreeMax: number; depthMax: number }): void {
    const { journal, living } = this.#world
    counts.degreeMax = this.#degreeMax
    counts.depthMax = this.#depthMax
    const root = this.#world.life(rootName)?.endpoint
    judgeMembers(this.#world, rootName)
    for (const { name, endpoint } of living) {
      if (endpoint === undefined) continue
      if (endpoint.path[0] !== root?.id) journal.violated("path", `${name} does not hang on the root`)
      if (endpoint.path.length - 1 > this.#plan.maxDepth)
        journal.violated("depth", `${name} is ${endpoint.path.length - 1} links from the root in the end`)
    }
  }
}

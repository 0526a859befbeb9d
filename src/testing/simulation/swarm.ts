/**
 * One run of a swarm: a host, its clients, a workload and a fault script, all drawn from one number; then everything
 * heals, and what was promised is judged. The number is the whole bug report.
 */
import { SeededRandom } from "../../core/random.ts"
import type { SlowOptions } from "../../endpoint/api.ts"
import { describeFault, drawScript, type Fault, isWeather, play } from "./fault-script.ts"
import type { Violation } from "./journal.ts"
import { describeTopology, drawTree, star, type Topology } from "./topology.ts"
import { drawWorkload, Workload, type WorkloadPlan } from "./workload.ts"
import { type Life, World } from "./world.ts"

export interface SwarmOptions {
  readonly seed: number
  /** A tree of relays rather than a host with its clients. */
  readonly tree?: boolean
  /** Journal entries kept. Default 400. */
  readonly kept?: number
  /** Places in the fault script that are played. Default all. */
  readonly only?: readonly number[]
}

export interface SwarmOutcome {
  readonly seed: number
  readonly hash: string
  readonly violations: readonly Violation[]
  readonly endpoints: number
  readonly virtualMs: number
  readonly faults: readonly Fault[]
  readonly counts: SwarmCounts
  /** The plan, the script, the violations and the last of the journal, for a person. */
  report(lines?: number, about?: string): string
}

export interface SwarmCounts {
  readonly sends: number
  readonly deliveries: number
  readonly gapMessages: number
  readonly acknowledged: number
  readonly requests: number
  readonly answered: number
  readonly directs: number
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

export async function simulate(options: SwarmOptions): Promise<SwarmOutcome> {
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
  const world = new World({ seed, ...(options.kept === undefined ? {} : { kept: options.kept }) })
  const { journal } = world
  const workload = new Workload(world, plan.workload, () => hostLost, topology)
  const opening = new Set<string>()

  const open = (name: string): void => {
    if (opening.has(name) || world.life(name) !== undefined) return
    opening.add(name)
    const done = (life: Life) => {
      opening.delete(name)
      if (life.alive) workload.employ(life)
    }
    const again = () => {
      opening.delete(name)
      world.clock.after(300, () => open(name))
    }
    const hosting = {
      heartbeatMs: plan.heartbeatMs,
      sessionKeepMs: plan.sessionKeepMs,
      replay: { messages: plan.replayMessages },
      slow: plan.slow,
    }
    const joining = {
      joinTimeoutMs: plan.joinTimeoutMs,
      reconnect: { minMs: plan.backOffMs, maxMs: plan.backOffMs * 10 },
      sendWindow: { messages: plan.windowMessages },
    }
    if (name === hostName) world.host(name, hosting).then(done, again)
    else if (topology.relays.includes(name))
      world.relay(name, topology.parentOf(name), { ...hosting, ...joining }).then(done, again)
    else world.join(name, topology.parentOf(name), joining).then(done, again)
  }
  const reopen = (name: string): void => {
    // A crash may have come while it was opening: that opening never ends.
    opening.delete(name)
    open(name)
  }
  const leave = (name: string): Promise<void> => world.close(name, { timeoutMs: 500 })

  let endpoints = 0
  try {
    open(hostName)
    await world.run(1)
    for (const name of clients) world.clock.after(random.below(800), () => open(name))
    play(world, script, { hostOf: topology.parentOf, reopen, leave })
    await world.run(stormMs)

    // Everything heals; whoever is gone comes back.
    const { network } = world
    network.setFaults("all", {})
    network.heal()
    for (const name of [hostName, ...clients]) {
      network.slow(name, undefined)
      world.resume(name)
    }
    // Faults still under way end by themselves within their time.
    await world.run(4500)
    network.setFaults("all", {})
    for (const name of [hostName, ...clients]) if (world.life(name) === undefined) reopen(name)

    const joinedWithin =
      plan.sessionKeepMs + (topology.relays.length + 2) * (plan.joinTimeoutMs + plan.backOffMs * 10) + 2000
    let joinedAfter = 0
    while (!allJoined(world, topology) && joinedAfter < joinedWithin) {
      await world.run(100)
      joinedAfter += 100
    }
    if (!allJoined(world, topology))
      journal.violated("liveness", `not all joined within ${joinedWithin} ms: ${whoIsOut(world, topology)}`)
    workload.stop()
    await world.run(calmMs)
    if (plan.lastWords || hostLost) {
      workload.lastWords()
      await world.run(calmMs)
    }
    workload.ledger.judge()
    workload.directs.judge()
    for (const life of world.living) {
      const waiting = workload.ledger.waiting(life)
      if (waiting > 0)
        journal.violated("acknowledgement", `${waiting} acknowledged sends of ${life.label} never settled`)
    }
    endpoints = world.living.length
    await closeAll(world, random)
  } catch (thrown) {
    journal.violated("threw", thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
  }

  const { ledger, directs } = workload
  const outcome: SwarmOutcome = {
    seed,
    hash: world.hash,
    violations: journal.violations,
    endpoints,
    virtualMs: world.clock.now(),
    faults: script,
    counts: {
      sends: ledger.sends,
      deliveries: ledger.deliveries,
      gapMessages: ledger.gapMessages,
      acknowledged: ledger.acknowledged,
      requests: directs.asked,
      answered: directs.answered,
      directs: directs.heard,
      events: world.network.trace.count,
    },
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

function allJoined(world: World, topology: Topology): boolean {
  return whoIsOut(world, topology) === ""
}

/** Who is not joined, and why one can tell; empty when all are. */
function whoIsOut(world: World, topology: Topology): string {
  const { root, relays, leaves, parentOf } = topology
  if (world.life(root)?.endpoint === undefined) return root
  return [...relays, ...leaves]
    .filter(name => {
      const endpoint = world.life(name)?.endpoint
      const host = world.life(parentOf(name))
      if (endpoint?.state !== "open" || endpoint.peers[0]?.state !== "up") return true
      return host?.endpoint?.peers.find(peer => peer.id === endpoint.id)?.state !== "up"
    })
    .join(", ")
}

/** Closing works in every order, in bounded time, and leaves nothing behind. */
async function closeAll(world: World, random: SeededRandom): Promise<void> {
  const left = world.living.map(life => life.name)
  let open = left.length
  while (left.length > 0) {
    const name = left.splice(random.below(left.length), 1)[0]!
    const { endpoint } = world.life(name)!
    const closing = random.below(5) === 0 ? Promise.resolve(endpoint?.abort()) : world.close(name)
    void closing.then(() => {
      open--
      if (endpoint !== undefined && endpoint.state !== "closed")
        world.journal.violated("closing", `${name} closed and is ${endpoint.state}`)
    })
    await world.run(random.below(3) * 100)
  }
  await world.run(8000)
  if (open > 0) world.journal.violated("closing", `${open} endpoints did not close`)
  if (world.network.connections > 0)
    world.journal.violated("closing", `${world.network.connections} connections are left`)
}

export { isWeather }

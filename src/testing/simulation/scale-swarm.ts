/**
 * A storm of endpoints that all join one host, which sends them on: how long until each is attached, how deep the tree
 * becomes, and what an idle endpoint costs as their number grows.
 */
import { SeededRandom } from "../../core/random.ts"
import type { SimulatedTime, SimulationOptions, SimulationRun } from "./kind.ts"
import { World } from "./world.ts"

const defaultNodes = 500
/** Everybody comes within this long. */
const stormMs = 2_000
/** And is to be attached within this long. */
const attachedWithinMs = 120_000
/** What idleness costs is measured over this long. */
const idleMs = 5_000
const rootName = "hub"

export async function simulateScale(options: SimulationOptions): Promise<SimulationRun> {
  const { seed, nodes = defaultNodes } = options
  const random = new SeededRandom(seed)
  const world = new World({ seed, ...(options.kept === undefined ? {} : { kept: options.kept }) })
  const { clock, network, journal } = world
  const times: SimulatedTime[] = []
  const hosting = { heartbeatMs: 1_000 }
  let redirects = 0
  world.onEvent((_life, event) => {
    if (event.type === "redirected") redirects++
  })
  await world.until(world.host(rootName, hosting))
  let open = 1
  const join = (name: string, since: number): void => {
    world.relay(name, rootName, hosting).then(
      () => {
        open++
        times.push({ what: `attach of ${nodes}`, ms: clock.now() - since })
      },
      () => clock.after(300 + random.below(700), () => join(name, since)),
    )
  }
  for (let n = 1; n < nodes; n++) {
    clock.after(random.below(stormMs), () => join(`n${n}`, clock.now()))
  }
  for (let passed = 0; open < nodes && passed < attachedWithinMs; passed += 100) await world.run(100)
  if (open < nodes) journal.violated("liveness", `${nodes - open} of ${nodes} are not attached`)
  await world.run(2_000)
  const before = network.trace.count
  await world.run(idleMs)
  const idle = network.trace.count - before
  let deepest = 0
  let widest = 0
  for (const { name, endpoint } of world.living) {
    if (endpoint === undefined) continue
    const depth = endpoint.path.length - 1
    deepest = Math.max(deepest, depth)
    widest = Math.max(widest, endpoint.peers.filter(peer => peer.role === "client").length)
    if (name !== rootName) times.push({ what: `depth of ${nodes}`, ms: depth })
  }
  times.push({
    what: `events of an idle endpoint in a second, times 100, of ${nodes}`,
    ms: (idle * 1e5) / nodes / idleMs,
  })
  const endpoints = world.living.length
  for (const { endpoint } of world.living) endpoint?.abort()
  await world.run(100)
  return {
    seed,
    hash: world.hash,
    violations: journal.violations,
    endpoints,
    virtualMs: clock.now(),
    faults: [],
    counts: { events: network.trace.count, redirects, deepest, widest },
    times,
    report: (lines = 60, about) =>
      [
        `seed ${seed}: ${endpoints} endpoints, ${deepest} links deep, at most ${widest} clients of one host`,
        ...journal.violations.map(({ invariant, what }) => `  ${invariant}: ${what}`),
        ...journal.tail(lines, about),
      ].join("\n"),
  }
}

/** Who joins whom in a simulated tree: names and parents, drawn from a seed, or a host with clients and nothing else. */
import type { SeededRandom } from "../../core/random.ts"

export interface Topology {
  readonly root: string
  /** Those with a host above and clients below; each stands after its parent. */
  readonly relays: readonly string[]
  readonly leaves: readonly string[]
  /** The host that a relay or a leaf joins. */
  parentOf(name: string): string
}

/** One host and its clients. */
export function star(root: string, clients: number): Topology {
  return {
    root,
    relays: [],
    leaves: Array.from({ length: clients }, (_, i) => `c${i + 1}`),
    parentOf: () => root,
  }
}

/** Two to four links deep, one to four clients per host. */
export function drawTree(random: SeededRandom, root: string): Topology {
  const parents = new Map<string, string>()
  const depths = new Map([[root, 0]])
  const relays: string[] = []
  const deepest = 2 + random.below(3)
  // One relay under the other down to the depth, and some beside them.
  for (let depth = 1; depth < deepest; depth++) add(depth === 1 ? root : relays[depth - 2]!)
  for (let more = random.below(3); more > 0; more--) {
    const above = [root, ...relays].filter(name => depths.get(name)! < deepest - 1)
    add(above[random.below(above.length)]!)
  }
  const leaves: string[] = []
  const lowest = relays.filter(name => ![...parents.values()].includes(name))
  for (const host of lowest) leaf(host)
  for (let more = 1 + random.below(4); more > 0; more--) {
    const hosts = [root, ...relays]
    leaf(hosts[random.below(hosts.length)]!)
  }
  return { root, relays, leaves, parentOf: name => parents.get(name) ?? root }

  function add(parent: string): void {
    const name = `r${relays.length + 1}`
    relays.push(name)
    parents.set(name, parent)
    depths.set(name, depths.get(parent)! + 1)
  }
  function leaf(parent: string): void {
    const name = `c${leaves.length + 1}`
    leaves.push(name)
    parents.set(name, parent)
  }
}

export interface WideTreeOptions {
  readonly root: string
  /** Endpoints in all. */
  readonly nodes: number
  /** Links from the root to the deepest leaf, at most. */
  readonly maxDepth: number
  /** Clients of one host, at most, as long as there is room elsewhere. */
  readonly maxDegree: number
}

/** As many endpoints as asked for, at random places; a third of them or fewer are relays. */
export function drawWideTree(random: SeededRandom, options: WideTreeOptions): Topology {
  const { root, nodes, maxDepth, maxDegree } = options
  const parents = new Map<string, string>()
  const hosts = [{ name: root, depth: 0, clients: 0 }]
  const relays: string[] = []
  const leaves: string[] = []
  const place = (name: string, deepest: number) => {
    const fit = hosts.filter(({ depth }) => depth < deepest)
    const free = fit.filter(({ clients }) => clients < maxDegree)
    const among = free.length > 0 ? free : fit
    const host = among[random.below(among.length)]!
    host.clients++
    parents.set(name, host.name)
    return host.depth + 1
  }
  const relayCount = maxDepth < 2 ? 0 : random.below(Math.floor((nodes - 1) / 3) + 1)
  for (let n = 1; n <= relayCount; n++) {
    const name = `r${n}`
    const depth = place(name, maxDepth - 1)
    hosts.push({ name, depth, clients: 0 })
    relays.push(name)
  }
  for (let n = 1; n < nodes - relayCount; n++) {
    const name = `c${n}`
    place(name, maxDepth)
    leaves.push(name)
  }
  return { root, relays, leaves, parentOf: name => parents.get(name) ?? root }
}

/** A topology in a line: "hub(r1(c1) c2)". */
export function describeTopology(topology: Topology, from: string = topology.root): string {
  const below = [...topology.relays, ...topology.leaves].filter(name => topology.parentOf(name) === from)
  return below.length === 0 ? from : `${from}(${below.map(name => describeTopology(topology, name)).join(" ")})`
}

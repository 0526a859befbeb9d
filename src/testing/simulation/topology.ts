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

/** A topology in a line: "hub(r1(c1) c2)". */
export function describeTopology(topology: Topology, from: string = topology.root): string {
  const below = [...topology.relays, ...topology.leaves].filter(name => topology.parentOf(name) === from)
  return below.length === 0 ? from : `${from}(${below.map(name => describeTopology(topology, name)).join(" ")})`
}

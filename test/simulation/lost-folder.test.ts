/**
 * A first seed that lost its folder finds the tree that lives on, and founds no other beside it (R1); and whoever lost its
 * vote with its folder stands by below the root.
 */
import { expect, it } from "vitest"
import { SeededRandom } from "../../src/core/index.ts"
import { World } from "../../src/testing/simulation/index.ts"
import { VotingCluster } from "../../src/testing/simulation/promotion/voting-cluster.ts"

function tree(seed: number): { world: World; cluster: VotingCluster } {
  const world = new World({ seed })
  const cluster = new VotingCluster(world, {
    voters: ["v1", "v2", "v3"],
    relays: [],
    clients: [],
    external: false,
    direct: true,
    commit: "root",
    syncMs: { min: 0.5, max: 1 },
    hosting: {},
    joining: {},
    random: new SeededRandom(seed),
    onOpen: () => {},
  })
  return { world, cluster }
}

it.each([1, 2, 3])("a first seed that lost its folder waits for what the others say: seed %i", async seed => {
  const { world, cluster } = tree(seed)
  await cluster.begin(8_000)
  const { generation } = cluster.root!.endpoint.rootRecord!
  cluster.crash("v1", false)
  cluster.machines.get("v1")!.wipe()
  await world.run(2_000)
  // Connections stand at one instant, and what is said on them comes later.
  world.network.setFaults("all", { latencyMs: { min: 10, max: 10 } })
  cluster.open("v1")
  await world.run(4_000)
  await cluster.settle(5_000)
  expect(world.journal.violations).toEqual([])
  expect(cluster.root!.name).not.toBe("v1")
  expect(cluster.root!.endpoint.rootRecord!.generation).toBe(generation)
})

it.each([1, 2, 3])("nor does one that is cut off for a moment when it comes back: seed %i", async seed => {
  const { world, cluster } = tree(seed)
  await cluster.begin(8_000)
  const { generation } = cluster.root!.endpoint.rootRecord!
  cluster.crash("v1", false)
  cluster.machines.get("v1")!.wipe()
  for (const other of ["v2", "v3"]) world.network.partition("v1", other)
  await world.run(2_000)
  cluster.open("v1")
  await world.run(2_000)
  for (const other of ["v2", "v3"]) world.network.heal("v1", other)
  await cluster.settle(5_000)
  expect(world.journal.violations).toEqual([])
  expect(cluster.root!.name).not.toBe("v1")
  expect(cluster.root!.endpoint.rootRecord!.generation).toBe(generation)
})

it("who stands by and is opened again follows the root that it remembers", async () => {
  const { world, cluster } = tree(1)
  await cluster.begin(8_000)
  cluster.crash("v3", false)
  cluster.machines.get("v3")!.wipe()
  cluster.open("v3")
  // Its vote was lost with its folder, and the tree has as many voters as it shall have.
  await cluster.settle(5_000)
  expect(cluster.root!.endpoint.rootRecord!.voters).toHaveLength(3)
  for (let i = 0; i < 2; i++) {
    cluster.crash("v3", false)
    cluster.open("v3")
    await cluster.settle(5_000)
  }
  expect(world.journal.violations).toEqual([])
})

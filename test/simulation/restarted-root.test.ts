/** R4 without `direct`: a root whose process is back already is known to have ended, and its lease is not waited for. */
import { expect, it } from "vitest"
import { SeededRandom } from "../../src/core/index.ts"
import { World } from "../../src/testing/simulation/index.ts"
import { VotingCluster } from "../../src/testing/simulation/promotion/voting-cluster.ts"

it.each([true, false])(
  "another root reigns soon after it came back; with a store of the record: %s",
  async external => {
    const world = new World({ seed: 1 })
    const cluster = new VotingCluster(world, {
      voters: ["v1", "v2", "v3"],
      relays: [],
      clients: [],
      external,
      direct: false,
      commit: "root",
      syncMs: { min: 0.5, max: 1 },
      hosting: {},
      joining: {},
      random: new SeededRandom(1),
      onOpen: () => {},
    })
    await cluster.begin(8_000)
    await world.run(1_000)
    const { name, endpoint } = cluster.root!
    const { epoch } = endpoint.rootRecord!
    cluster.crash(name, false)
    await world.run(100)
    cluster.open(name)
    // Its lease is 1.5 s.
    await world.run(700)
    expect(cluster.root?.name).not.toBe(name)
    expect(cluster.root?.endpoint.rootRecord?.epoch).toBe(epoch + 1)
    await cluster.settle(5_000)
    expect(world.journal.violations).toEqual([])
  },
)

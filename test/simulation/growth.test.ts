/** Trees that grow by themselves (DESIGN §7): who asks the root for a place is sent to where there is one. */
import { describe, expect, it } from "vitest"
import { type Life, World } from "../../src/testing/simulation/index.ts"

/** Links from the root to each endpoint, and the clients of each host. */
function shape(world: World) {
  const lives = world.living.filter(life => life.endpoint?.state === "open")
  const depths = lives.map(life => life.endpoint!.path.length - 1)
  const degrees = lives.map(
    life => life.endpoint!.peers.filter(peer => peer.role === "client" && peer.state !== "away").length,
  )
  return { attached: lives.length, depth: Math.max(...depths), degree: Math.max(...degrees) }
}

async function allOpen(world: World, opening: readonly Promise<Life>[], limitMs: number): Promise<Life[]> {
  return world.until(Promise.all(opening), limitMs)
}

describe("A tree that grows", () => {
  it("sends joiners on to relays with room, one after the other: three levels of four", async () => {
    const world = new World({ seed: 1 })
    await world.until(world.host("root", { maxClients: 4 }))
    for (let i = 1; i <= 20; i++) {
      await world.until(world.relay(`r${i}`, "root", { maxClients: 4 }))
      await world.run(300)
    }
    expect(shape(world)).toEqual({ attached: 21, depth: 2, degree: 4 })
    expect(world.life("root")!.endpoint!.members.length).toBe(20)
  })

  it("takes in a storm of relays", async () => {
    const world = new World({ seed: 2 })
    await world.until(world.host("root", { maxClients: 4 }))
    const opening = Array.from({ length: 100 }, (_, i) => world.relay(`r${i}`, "root", { maxClients: 4 }))
    await allOpen(world, opening, 30_000)
    const found = shape(world)
    expect(found).toMatchObject({ attached: 101, degree: 4 })
    expect(found.depth).toBeLessThanOrEqual(6)
  })
})

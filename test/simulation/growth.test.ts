/** Trees that grow by themselves (DESIGN §7): who asks the root for a place is sent to where there is one. */
import { describe, expect, it } from "vitest"
import { MessageEndpoint } from "../../src/endpoint/index.ts"
import { type Life, simulationKinds, World } from "../../src/testing/simulation/index.ts"

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
  it("stays as shallow as it may be, though a host sinks while a subtree comes below it: seed 5043", async () => {
    const outcome = await simulationKinds.growth!.run({ seed: 5043 })
    if (outcome.violations.length > 0) expect.fail(outcome.report(60))
  })

  it.each([1, 21, 41])("has everybody in, in bounds, whatever goes wrong: twenty seeds from %i", async first => {
    for (let seed = first; seed < first + 20; seed++) {
      const outcome = await simulationKinds.growth!.run({ seed })
      if (outcome.violations.length > 0) expect.fail(outcome.report())
    }
  })

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

  it.each([1, 2, 3])(
    "plain clients that came before the relays end below them, and miss nothing, seed %i",
    async seed => {
      const world = new World({ seed })
      const root = await world.until(world.host("root", { fanOut: 4 }))
      const leaves = await allOpen(
        world,
        Array.from({ length: 20 }, (_, i) => world.join(`leaf${i}`, "root")),
        30_000,
      )
      expect(shape(world)).toMatchObject({ depth: 1, degree: 20 })
      const heard = leaves.map(leaf => {
        const numbers: unknown[] = []
        leaf.endpoint!.handle("t", message => numbers.push(message.value))
        return numbers
      })
      await world.run(500)
      let sent = 0
      const sending = world.clock.every(10, () => root.endpoint!.send("t", sent++))
      await allOpen(
        world,
        Array.from({ length: 6 }, (_, i) => world.relay(`r${i}`, "root", { fanOut: 4 })),
        30_000,
      )
      for (let ms = 0; ms < 30_000 && shape(world).degree > 4; ms += 100) await world.run(100)
      sending.cancel()
      await world.run(2000)
      expect(shape(world)).toMatchObject({ attached: 27, degree: 4 })
      expect(shape(world).depth).toBeLessThanOrEqual(4)
      for (const numbers of heard) expect(numbers).toEqual(Array.from({ length: sent }, (_, n) => n))
    },
  )

  it.each([1, 2, 3])("breaks a loop that two relays make when each is taken below the other, seed %i", async seed => {
    const { world, relay } = await twoBranches(seed)
    const leaf = await world.until(world.join("leaf", "a"))
    // Both lose the root, and know of one place besides: below the other, where nobody has heard of it.
    world.network.partition("a", "a1")
    world.network.partition("b", "b1")
    world.crash("root")
    const hangsBelow = (name: string, host: string) => {
      const peer = relay(name).peers.find(({ role }) => role === "host")
      return peer?.state === "up" && peer.name === host
    }
    const isLoop = () => hangsBelow("a", "b1") && hangsBelow("b", "a1")
    for (let ms = 0; ms < 1000 && !isLoop(); ms++) await world.run(1)
    expect(isLoop()).toBe(true)
    for (let n = 0; n < 100; n++) leaf.endpoint!.send("t", n)
    await world.run(20)
    const others = () => ["a1", "b", "b1"].map(name => relay(name).statistics.received)
    const before = others()
    world.network.heal()
    await world.run(10)
    expect(isLoop()).toBe(false)
    // What waits at a for the answer to its probe has not gone round.
    expect(others()).toEqual(before)

    const root = await world.until(world.host("root"))
    const heard: unknown[] = []
    root.endpoint!.handle("t", message => heard.push(message.value))
    for (let ms = 0; ms < 10_000 && root.endpoint!.members.length < 6; ms += 100) await world.run(100)
    expect(root.endpoint!.members.map(({ name }) => name).sort()).toEqual(["a", "a1", "b", "b1", "leaf", "spare"])
    await world.until(leaf.endpoint!.flushed())
    expect(heard).toEqual(Array.from({ length: 100 }, (_, n) => n))
  })
})

/** root ─ a ─ a1 and root ─ b ─ b1; a also knows b1, and b knows a1. */
async function twoBranches(seed: number) {
  const world = new World({ seed })
  await world.until(world.host("root"))
  const branch = (name: string, other: string) =>
    world.until(
      world.open(name, "relay", common =>
        MessageEndpoint.join(["sim://root", `sim://${other}`], {
          ...common,
          listen: `sim://${name}`,
          joinTimeoutMs: 300,
          reconnect: { minMs: 20, maxMs: 50 },
          sessionKeepMs: 1000,
        }),
      ),
    )
  await world.until(world.relay("spare", "root"))
  await branch("a", "b1")
  await branch("b", "a1")
  await world.until(world.relay("a1", "a"))
  await world.until(world.relay("b1", "b"))
  return { world, relay: (name: string) => world.life(name)!.endpoint! }
}

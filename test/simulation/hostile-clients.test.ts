/** What a client that is let in, and is no relay, may say of others: nothing. It costs its own connection, and nobody else's. */
import { describe, expect, it } from "vitest"
import { endpointIdToBytes } from "../../src/core/id.ts"
import type { EndpointEvent } from "../../src/endpoint/index.ts"
import { World } from "../../src/testing/simulation/index.ts"
import { RawClient } from "./raw-client.ts"

/** hub ← floor ← ada; and what floor, the relay, tells. */
async function scene() {
  const world = new World({ seed: 6 })
  const hub = await world.until(world.host("hub"))
  const floor = await world.until(world.relay("floor", "hub"))
  const ada = await world.until(world.join("ada", "floor"))
  const told: EndpointEvent["type"][] = []
  floor.endpoint!.on("*", ({ type }) => told.push(type))
  return { world, hub: hub.endpoint!, floor: floor.endpoint!, ada: ada.endpoint!, told }
}

async function hostile(world: World, host: string, fields = {}): Promise<RawClient> {
  const raw = await new RawClient(world, `hostile at ${host}`, host).dial()
  expect(await raw.join(fields)).toMatchObject({ case: "accept" })
  return raw
}

describe("A hostile client", () => {
  it("does not make a relay believe that it hangs below itself", async () => {
    const { world, floor, told } = await scene()
    const raw = await hostile(world, "floor")
    raw.say({ case: "probe", value: { token: new Uint8Array(16), path: [endpointIdToBytes(floor.id)] } })
    await world.run(500)
    expect(raw.lost).toEqual(["control"])
    expect(told).not.toContain("left")
    expect(told).toContain("violation")
    // A relay may pass probes on, and does not know the token of one that is under way.
    const relay = await hostile(world, "floor", { relay: true, addresses: ["sim://nowhere"] })
    relay.say({ case: "probe", value: { token: new Uint8Array(16), path: [endpointIdToBytes(floor.id), relay.id] } })
    await world.run(500)
    expect(relay.lost).toEqual([])
    expect(told).not.toContain("left")
  })

  it("does not make a request of somebody else fail", async () => {
    const { world, hub, ada } = await scene()
    const { ready } = hub.handle("slow", () => new Promise(resolve => world.clock.after(300, () => resolve("done"))))
    await world.until(ready)
    const raw = await hostile(world, "floor")
    const answer = ada.request(hub.id, "slow", 1)
    await world.run(50)
    for (let correlation = 1; correlation < 30; correlation++)
      raw.say({
        case: "undeliverable",
        value: {
          target: endpointIdToBytes(hub.id),
          origin: endpointIdToBytes(ada.id),
          sequence: BigInt(correlation),
          correlation: BigInt(correlation),
          code: "NoSuchEndpoint",
        },
      })
    expect(await world.until(answer)).toBe("done")
    expect(raw.lost).toEqual(["control"])
  })

  it("that tells of endless room below leaves its host able to speak and to join anew", async () => {
    const { world, hub, told } = await scene()
    const most = 2 ** 32 - 1
    const room = {
      $typeName: "zinc.v1.Room" as const,
      free: most,
      below: most,
      levels: most,
      height: most,
      size: most,
      spare: most,
    }
    const raw = await hostile(world, "floor", { relay: true, addresses: ["sim://nowhere"], room })
    await world.run(3000)
    raw.say({ case: "heartbeatReply", value: { count: 1n, room } })
    await world.run(3000)
    expect(hub.statistics.violations).toBe(0)
    expect(told).not.toContain("left")
    world.network.cut("hub", "floor")
    await world.run(3000)
    expect(told).toContain("joined")
  })

  it("that is a relay may have so many endpoints below it, and no more", async () => {
    const { world, told } = await scene()
    const raw = await hostile(world, "floor", { relay: true, addresses: ["sim://nowhere"] })
    for (let part = 0; part < 17; part++) {
      const arrived = Array.from({ length: 4096 }, (_, n) => ({
        endpointId: Uint8Array.of(0, part, n >> 8, n & 255, ...new Uint8Array(12)),
        name: "",
        hostId: raw.id,
        attach: 1,
      }))
      raw.say({ case: "members", value: { arrived, departed: [], first: part === 0, last: false } })
    }
    await world.run(500)
    expect(raw.lost).toEqual(["control"])
    expect(told).toContain("violation")
  })
})

/** A joiner that has sent on very many topics: where its numbers begin there is taken in by and by (L7). */
import { describe, expect, it } from "vitest"
import type { EndpointEvent } from "../../src/endpoint/index.ts"
import { encodeTopic, TopicKind } from "../../src/message/topic.ts"
import { World } from "../../src/testing/simulation/index.ts"
import { RawClient } from "./raw-client.ts"

const memory = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    topic: encodeTopic(TopicKind.Nearest, `sensor.${i}`),
    first: 5n,
    acknowledged: 4n,
  }))

async function scene() {
  const world = new World({ seed: 3 })
  const hub = await world.until(world.host("hub"))
  const told: EndpointEvent[] = []
  hub.endpoint!.on("*", event => void told.push(event))
  const client = (name: string, id?: Uint8Array) => new RawClient(world, name, "hub", id).dial()
  return { world, hub: hub.endpoint!, told, client }
}

describe("A joiner with a long memory", () => {
  it("is let in when all of it is taken in, and others are meanwhile", async () => {
    const { world, client } = await scene()
    const [gateway, other] = [await client("gateway"), await client("other")]
    const order: string[] = []
    const joined = async (raw: RawClient, topics: number) => {
      const { case: answer } = await raw.join({ memory: memory(topics) })
      order.push(`${answer} ${topics}`)
    }
    await Promise.all([joined(gateway, 20_000), joined(other, 10)])
    expect(order).toEqual(["accept 10", "accept 20000"])
    expect(world.journal.violations).toEqual([])
  })

  it("goes on with its own numbers, without a gap", async () => {
    const { world, hub, told, client } = await scene()
    const heard: unknown[] = []
    await world.until(hub.handle("sensor.*", ({ value }) => void heard.push(value)).ready)
    const gateway = await client("gateway")
    expect(await gateway.join({ memory: memory(3_000), legFirst: 1n, legLast: 0n })).toMatchObject({ case: "accept" })
    await gateway.dialPusher()
    await world.run(50)
    gateway.push("sensor.2999", "17", { number: 1, sequence: 5 })
    gateway.push("sensor.2999", "18", { number: 2, sequence: 6 })
    await world.run(50)
    expect(heard).toEqual([17, 18])
    expect(told.filter(({ type }) => type === "gap")).toEqual([])
  })

  it("has its turn when the one before it is through", async () => {
    const { world, client } = await scene()
    const [first, second] = [await client("first"), await client("second")]
    const answers = Promise.all([first, second].map(raw => raw.join({ memory: memory(20_000) })))
    expect(await answers).toMatchObject([{ case: "accept" }, { case: "refuse", value: { code: "Busy" } }])
    await world.run(1_000)
    expect(await (await client("second", second.id)).join({ memory: memory(20_000) })).toMatchObject({ case: "accept" })
  })

  it("leaves no trace when it goes in the middle, and may come again", async () => {
    const { world, hub, told, client } = await scene()
    const gateway = await client("gateway")
    gateway.say({
      case: "join",
      value: { versionMin: 1, versionMax: 1, endpointId: gateway.id, name: "gateway", memory: memory(20_000) },
    })
    await world.run(20)
    world.network.cut("gateway", "hub")
    await world.run(200)
    expect(hub.peers).toEqual([])
    expect(told.map(({ type }) => type).filter(type => type === "joined" || type === "left")).toEqual([])
    expect(await (await client("gateway", gateway.id)).join({ memory: memory(2_000) })).toMatchObject({
      case: "accept",
    })
  })

  it("loses its connection for one topic that is none, and the next has its turn", async () => {
    const { world, hub, told, client } = await scene()
    const hostile = await client("hostile")
    const wrong = { topic: new Uint8Array([0x78]), first: 1n, acknowledged: 0n }
    hostile.say({
      case: "join",
      value: {
        versionMin: 1,
        versionMax: 1,
        endpointId: hostile.id,
        name: "hostile",
        memory: [...memory(2_000), wrong],
      },
    })
    await world.run(200)
    expect(hostile.lost).toEqual(["control"])
    expect(told.map(({ type }) => type)).toContain("violation")
    expect(hub.peers).toEqual([])
    expect(await (await client("next")).join({ memory: memory(2_000) })).toMatchObject({ case: "accept" })
  })

  it("is not let in by a host that closes meanwhile, and does not keep it from closing", async () => {
    const { world, hub, client } = await scene()
    const gateway = await client("gateway")
    gateway.say({
      case: "join",
      value: { versionMin: 1, versionMax: 1, endpointId: gateway.id, name: "gateway", memory: memory(20_000) },
    })
    await world.run(20)
    await world.until(hub.close())
    await world.run(500)
    expect(gateway.lost).toEqual(["control"])
    expect(gateway.heard.map(({ body }) => body.case)).not.toContain("accept")
  })
})

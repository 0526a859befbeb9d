/** L5 to L8: order and gaps, repair, the up leg, conflation; against a host made by hand that sends what it likes. */
import { describe, expect, it } from "vitest"
import type { EndpointEvent, JoinOptions } from "../../src/endpoint/index.ts"
import { encodeExtensions } from "../../src/message/extension.ts"
import { Flag } from "../../src/message/header.ts"
import { encodeTopic, TopicKind } from "../../src/message/topic.ts"
import { World } from "../../src/testing/simulation/index.ts"
import { RawHost } from "./raw-host.ts"

const topicT = encodeTopic(TopicKind.Nearest, "t")

async function scene(options: Partial<JoinOptions> = {}) {
  const world = new World({ seed: 5 })
  const host = await RawHost.open(world, "hub")
  const client = await world.until(world.join("c", "hub", options))
  const endpoint = client.endpoint!
  const events: EndpointEvent[] = []
  endpoint.on("*", event => events.push(event))
  const got: unknown[] = []
  await world.until(endpoint.handle("t", message => void got.push(message.value)).ready)
  await world.until(endpoint.handle("o.t", message => void got.push(message.value)).ready)
  const gaps = () => events.filter(event => event.type === "gap")
  /** Publishes frames of one origin with these sequences, as if nothing had been lost on the link. */
  const publish = (...sequences: number[]) => {
    for (const sequence of sequences) host.publish("t", sequence, { sequence })
  }
  return { world, host, client, endpoint, events, got, gaps, publish }
}

describe("L5 sequence", () => {
  it("takes the next, parks later ones, and drops lower ones", async () => {
    const { world, endpoint, got, gaps, publish } = await scene()
    publish(1, 3, 4, 2, 2, 1, 5)
    await world.run(20)
    expect(got).toEqual([1, 2, 3, 4, 5])
    expect(endpoint.statistics).toMatchObject({ duplicates: 2, parked: 2 })
    expect(gaps()).toEqual([])
  })

  it("waits two heartbeats for what is missing, then tells one gap and goes on from the lowest parked", async () => {
    const { world, got, gaps, publish } = await scene()
    publish(1, 4, 5, 8)
    await world.run(150)
    expect(got).toEqual([1])
    await world.run(300)
    expect(got).toEqual([1, 4, 5, 8])
    expect(gaps()).toMatchObject([
      { topic: "t", from: 2, through: 3, reason: "lost" },
      { topic: "t", from: 6, through: 7, reason: "lost" },
    ])
    publish(3, 7, 9)
    await world.run(20)
    expect(got).toEqual([1, 4, 5, 8, 9])
  })

  it("parks at most 256 frames of a stream", async () => {
    const { world, got, gaps, publish } = await scene()
    publish(1, ...Array.from({ length: 256 }, (_, i) => i + 3))
    await world.run(5)
    expect(got).toEqual([1])
    publish(259)
    await world.run(5)
    expect(gaps()).toMatchObject([{ from: 2, through: 2 }])
    expect(got.length).toBe(258)
  })

  it("parks at most one mebibyte of a stream", async () => {
    const { world, host, got, gaps } = await scene()
    host.publish("t", 1, { sequence: 1 })
    for (let sequence = 3; sequence < 8; sequence++) host.publish("t", "x".repeat(300_000), { sequence })
    await world.run(5)
    expect(gaps()).toMatchObject([{ from: 2, through: 2 }])
    expect(got.length).toBe(6)
  })

  it("parks at most eight mebibytes of a link", async () => {
    const { world, host, gaps } = await scene()
    const origins = Array.from({ length: 12 }, (_, i) => new Uint8Array(16).fill(20 + i))
    for (const origin of origins) host.publish("t", 1, { sequence: 1, origin })
    for (const origin of origins) {
      for (let i = 0; i < 3; i++) host.publish("t", "x".repeat(300_000), { sequence: 3 + i, origin })
    }
    await world.run(20)
    // Twelve times 0.9 MB wait, so some have had to go on without what they missed.
    expect(gaps().length).toBeGreaterThan(0)
    expect(gaps().length).toBeLessThan(12)
  })

  it("an unknown origin's stream begins with its first frame, and unsubscribing forgets it", async () => {
    const { world, endpoint, got, gaps, publish } = await scene()
    publish(7, 8)
    await world.run(20)
    expect(got).toEqual([7, 8])
    const other: unknown[] = []
    const handling = endpoint.handle("u", message => void other.push(message.value))
    await world.until(handling.ready)
    await handling.close()
    expect(gaps()).toEqual([])
  })

  it("a subscription begins where the baseline says each stream stands", async () => {
    const { world, host, endpoint, gaps } = await scene()
    const origin = new Uint8Array(16).fill(3)
    host.baseline = () => ({
      positions: [{ topic: encodeTopic(TopicKind.Nearest, "v"), origin, first: 1n, last: 4n }],
    })
    const got: unknown[] = []
    await world.until(endpoint.handle("v", message => void got.push(message.value)).ready)
    for (const sequence of [4, 6, 5]) host.publish("v", sequence, { sequence, origin })
    await world.run(20)
    expect(got).toEqual([5, 6])
    expect(gaps()).toEqual([])
  })

  it("on ordered topics the order number is the stream, own echoes are not heard, and one numbered twice comes once", async () => {
    const { world, host, endpoint, got } = await scene()
    const own = new Uint8Array(16)
    for (let i = 0; i < 16; i++) own[i] = Number.parseInt(endpoint.id.replaceAll("-", "").slice(2 * i, 2 * i + 2), 16)
    host.publish("o.t", "a", { sequence: 1, order: 1 })
    host.publish("o.t", "c", { sequence: 2, order: 3 })
    host.publish("o.t", "mine", { sequence: 1, order: 2, origin: own })
    await world.run(20)
    expect(got).toEqual(["a", "c"])
    host.publish("o.t", "c", { sequence: 2, order: 4 })
    host.publish("o.t", "d", { sequence: 3, order: 5 })
    await world.run(20)
    expect(got).toEqual(["a", "c", "d"])
  })
})

describe("L6 repair", () => {
  it("sees a hole in the numbers of a topic, asks for it, and takes the answer in its place", async () => {
    const { world, host, got, gaps } = await scene()
    host.publish("t", 1, { sequence: 1 })
    const missed = host.frame("t", 2, { sequence: 2 })
    host.publish("t", 3, { sequence: 3 })
    await world.run(10)
    expect(got).toEqual([1])
    const [request] = host.heardOf("repairRequest")
    expect(request!.ranges).toMatchObject([{ topic: topicT, after: BigInt(host.published - 2) }])
    host.say({ case: "repair", value: { id: request!.id, last: true } }, missed)
    await world.run(10)
    expect(got).toEqual([1, 2, 3])
    expect(gaps()).toEqual([])
  })

  it("asks again when no answer comes", async () => {
    const { world, host } = await scene()
    host.publish("t", 1, { sequence: 1 })
    host.frame("t", 2, { sequence: 2 })
    host.publish("t", 3, { sequence: 3 })
    await world.run(1000)
    const ids = host.heardOf("repairRequest").map(({ id }) => id)
    expect(ids.length).toBeGreaterThan(1)
    expect(new Set(ids).size).toBe(1)
  })

  it("asks for a long repair part by part", async () => {
    const { world, host, got } = await scene()
    host.publish("t", 1, { sequence: 1 })
    const missed = [2, 3, 4].map(sequence => host.frame("t", sequence, { sequence }))
    host.publish("t", 5, { sequence: 5 })
    await world.run(10)
    const first = host.heardOf("repairRequest")[0]!
    const through = BigInt(host.published - 3)
    host.say({ case: "repair", value: { id: first.id, last: true, through } }, missed[0])
    await world.run(10)
    const second = host.heardOf("repairRequest")[1]!
    expect(second.ranges).toMatchObject([{ topic: topicT, after: through }])
    host.say({ case: "repair", value: { id: second.id, last: true } }, [...missed[1]!, ...missed[2]!])
    await world.run(10)
    expect(got).toEqual([1, 2, 3, 4, 5])
  })

  it("beyond the ring it asks where the streams stand, and tells exactly what is lost", async () => {
    const { world, host, got, gaps } = await scene()
    const other = new Uint8Array(16).fill(4)
    host.publish("t", 1, { sequence: 1 })
    host.publish("t", "other 1", { sequence: 1, origin: other })
    for (const sequence of [2, 3]) host.frame("t", sequence, { sequence })
    host.frame("t", "other 2", { sequence: 2, origin: other })
    host.publish("t", 4, { sequence: 4 })
    await world.run(10)
    const request = host.heardOf("repairRequest")[0]!
    host.baseline = () => ({
      positions: [
        { topic: topicT, origin: new Uint8Array(16).fill(3), first: 1n, last: 4n },
        { topic: topicT, origin: other, first: 1n, last: 2n },
      ],
    })
    host.say({ case: "repair", value: { id: request.id, last: true, lost: request.ranges } })
    await world.run(20)
    expect(host.heardOf("sync").at(-1)!.settling).toEqual([topicT])
    expect(gaps()).toMatchObject([
      { topic: "t", from: 2, through: 3, reason: "lost" },
      { topic: "t", from: 2, through: 2, reason: "lost" },
    ])
    expect(got).toEqual([1, "other 1", 4])
  })

  it("what was dropped just before the positions is asked for before they count it as lost", async () => {
    const { world, host, got, gaps } = await scene()
    host.publish("t", 1, { sequence: 1 })
    for (const sequence of [2, 3]) host.frame("t", sequence, { sequence })
    host.publish("t", 4, { sequence: 4 })
    await world.run(10)
    const beyond = host.heardOf("repairRequest")[0]!
    const tail = host.frame("t", 5, { sequence: 5 })
    const number = BigInt(host.published)
    const origin = new Uint8Array(16).fill(3)
    host.baseline = () => ({ positions: [{ topic: topicT, origin, first: 1n, last: 5n }] })
    host.say({ case: "repair", value: { id: beyond.id, last: true, lost: beyond.ranges } })
    await world.run(20)
    expect(got).toEqual([1, 4])
    const request = host.heardOf("repairRequest").at(-1)!
    expect(request.ranges).toMatchObject([{ topic: topicT, after: number - 1n, through: number }])
    host.say({ case: "repair", value: { id: request.id, last: true } }, tail)
    await world.run(20)
    expect(got).toEqual([1, 4, 5])
    expect(gaps()).toMatchObject([{ topic: "t", from: 2, through: 3, reason: "lost" }])
  })

  it("a mark finds a lost tail", async () => {
    const { world, host, got, gaps } = await scene()
    host.publish("t", 1, { sequence: 1 })
    const tail = host.frame("t", 2, { sequence: 2 })
    const number = BigInt(host.published)
    await world.run(300)
    expect(host.heardOf("repairRequest")).toEqual([])
    host.mark({ number: 1n, published: number, topics: [{ topic: topicT, number }] })
    await world.run(10)
    const [request] = host.heardOf("repairRequest")
    expect(request!.ranges).toMatchObject([{ topic: topicT, through: number }])
    host.say({ case: "repair", value: { id: request!.id, last: true } }, tail)
    await world.run(10)
    expect(got).toEqual([1, 2])
    expect(gaps()).toEqual([])
  })

  it("a tail that was dropped together with the last mark is found by the next, though nothing else is published", async () => {
    const world = new World({ seed: 5 })
    const host = await world.until(world.host("hub"))
    const client = await world.until(world.join("c", "hub"))
    const got: unknown[] = []
    await world.until(client.endpoint!.handle("t", message => void got.push(message.value)).ready)
    host.endpoint!.send("t", 1)
    await world.run(1000)
    world.network.setFaults("publish", { dropRate: 1 })
    host.endpoint!.send("t", 2)
    await world.run(600)
    world.network.setFaults("publish", {})
    await world.run(3000)
    expect(got).toEqual([1, 2])
    expect(client.endpoint!.statistics.gaps).toBe(0)
  })

  it("a heartbeat finds a lost tail of direct messages, when it has had time to come", async () => {
    const { world, host } = await scene()
    host.direct = ++host.published
    await world.run(150)
    expect(host.heardOf("repairRequest")).toEqual([])
    await world.run(150)
    expect(new TextDecoder().decode(host.heardOf("repairRequest")[0]!.ranges[0]!.topic)).toMatch(/^~.*\.d\0$/)
  })

  it("frames of another incarnation mean nothing", async () => {
    const { world, host, got } = await scene()
    host.incarnation = 8
    host.publish("t", 1, { sequence: 1 })
    await world.run(20)
    expect(got).toEqual([])
  })

  it("repairs whatever is lost, from the ring of a real host, without anybody noticing", async () => {
    const world = new World({ seed: 9 })
    const host = await world.until(world.host("hub"))
    const client = await world.until(world.join("c", "hub"))
    const got: unknown[] = []
    await world.until(client.endpoint!.handle("t", message => void got.push(message.value)).ready)
    world.network.setFaults("publish", { dropRate: 0.3 })
    for (let n = 1; n <= 300; n++) {
      host.endpoint!.send("t", n)
      await world.run(1)
    }
    world.network.setFaults("publish", {})
    await world.run(2000)
    expect(got).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
    expect(client.endpoint!.statistics.gaps).toBe(0)
    expect(client.endpoint!.statistics.repaired).toBeGreaterThan(50)
  })
})

describe("L7 the up leg", () => {
  const ack = (received: number, rooted = received, resend = false) =>
    ({ case: "ack", value: { received: BigInt(received), rooted: BigInt(rooted), resend } }) as const

  it("a full window makes send say so, and drained tells when to go on", async () => {
    const { world, host, endpoint } = await scene({ sendWindow: { messages: 3 } })
    expect([1, 2, 3, 4].map(n => endpoint.send("up", n))).toEqual([true, true, true, false])
    let drained = false
    void endpoint.drained().then(() => {
      drained = true
    })
    await world.run(50)
    expect(drained).toBe(false)
    host.say(ack(2, 0))
    await world.run(10)
    expect(drained).toBe(false)
    host.say(ack(2, 1))
    await world.run(10)
    expect(drained).toBe(true)
    expect([4, 5].map(n => endpoint.send("up", n))).toEqual([true, false])
    await world.run(10)
    expect(host.pushed.map(({ payload }) => payload)).toEqual(["1", "2", "3", "4"])
  })

  it("received and rooted resolve apart", async () => {
    const { world, host, endpoint } = await scene()
    const done: string[] = []
    void endpoint.send("up", 1, { ack: "received" }).then(() => done.push("received"))
    void endpoint.send("up", 2, { ack: "rooted" }).then(() => done.push("rooted"))
    void endpoint.flushed().then(() => done.push("flushed"))
    await world.run(10)
    host.say(ack(2, 0))
    await world.run(10)
    expect(done).toEqual(["received"])
    host.say(ack(2, 1))
    await world.run(10)
    expect(done).toEqual(["received"])
    host.say(ack(2, 2))
    await world.run(10)
    expect(done.toSorted()).toEqual(["flushed", "received", "rooted"])
  })

  it("goes back where the host asks, and marks what it sends again", async () => {
    const { world, host, endpoint } = await scene()
    for (let n = 1; n <= 3; n++) endpoint.send("up", n)
    await world.run(10)
    host.say(ack(1, 1, true))
    await world.run(10)
    expect(host.pushed.map(({ payload, header }) => `${payload}${header.flags & Flag.Again ? " again" : ""}`)).toEqual([
      "1",
      "2",
      "3",
      "2 again",
      "3 again",
    ])
  })

  it("after a rejoin what is not rooted goes again, in order, under the new session", async () => {
    const { world, host, endpoint } = await scene()
    for (let n = 1; n <= 4; n++) endpoint.send("up", n)
    await world.run(10)
    host.say(ack(2, 2))
    await world.run(10)
    const before = host.pushed.length
    host.link = 2
    host.hangUp()
    await world.run(300)
    const { join } = host.joins.at(-1)!
    expect([join.legFirst, join.legLast]).toEqual([3n, 4n])
    const again = host.pushed.slice(before)
    expect(again.map(({ payload }) => payload)).toEqual(["3", "4"])
    for (const { header } of again) expect(header.leg).toMatchObject({ session: new Uint8Array(16).fill(2) })
  })

  it("a host without memory starts where the client's begins, and regenerated is told", async () => {
    const world = new World({ seed: 6 })
    await world.until(world.host("hub"))
    const client = await world.until(world.join("c", "hub", { reconnect: { minMs: 20, maxMs: 100 } }))
    const events: EndpointEvent[] = []
    client.endpoint!.on("*", event => events.push(event))
    for (let n = 1; n <= 5; n++) client.endpoint!.send("t", n)
    await world.run(100)
    world.crash("hub")
    await world.run(50)
    for (let n = 6; n <= 9; n++) client.endpoint!.send("t", n)
    const host = await world.until(world.host("hub"))
    const got: unknown[] = []
    host.endpoint!.handle("t", message => void got.push(message.value))
    await world.run(1000)
    expect(got).toEqual([6, 7, 8, 9])
    expect(host.endpoint!.statistics.gaps).toBe(0)
    expect(events.filter(event => event.type === "regenerated")).toMatchObject([{ host: host.endpoint!.id }])
  })

  it("takes up frames strictly in turn, each once, whatever the network does", async () => {
    const world = new World({ seed: 7 })
    const host = await world.until(world.host("hub"))
    const client = await world.until(world.join("c", "hub"))
    const got: unknown[] = []
    host.endpoint!.handle("t", message => void got.push(message.value))
    world.network.setFaults("push", { dropRate: 0.1, duplicateRate: 0.1, reorderRate: 0.1 })
    for (let n = 1; n <= 300; n++) {
      client.endpoint!.send("t", n)
      await world.run(1)
    }
    world.network.setFaults("push", {})
    await world.run(2000)
    expect(got).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
    expect(client.endpoint!.statistics.resent).toBeGreaterThan(0)
  })
})

describe("L8 conflated frames", () => {
  it("stand for all they say they cover, of every origin, and no gap is told", async () => {
    const { world, host, got, gaps } = await scene()
    const [one, other] = [new Uint8Array(16).fill(3), new Uint8Array(16).fill(4)]
    host.publish("t", "one 1", { sequence: 1 })
    host.publish("t", "other 1", { sequence: 1, origin: other })
    const covers = [
      { origin: one, through: 5 },
      { origin: other, through: 3 },
    ]
    host.published += 10
    host.publish("t", "one 5", {
      sequence: 5,
      flags: Flag.Covers,
      extensions: encodeExtensions({ covers }),
      previous: 0,
    })
    host.publish("t", "other 4", { sequence: 4, origin: other })
    host.publish("t", "one 6", { sequence: 6 })
    await world.run(500)
    expect(got).toEqual(["one 1", "other 1", "one 5", "other 4", "one 6"])
    expect(gaps()).toEqual([])
    expect(host.heardOf("repairRequest")).toEqual([])
  })

  it("a frame that came up this link is not heard again on the way down", async () => {
    const { world, host, got, endpoint } = await scene()
    host.publish("t", "my own subtree's", { sequence: 1, link: host.link })
    host.publish("t", "another's", { sequence: 2 })
    await world.run(50)
    expect(got).toEqual(["another's"])
    expect(endpoint.statistics.gaps).toBe(0)
  })
})

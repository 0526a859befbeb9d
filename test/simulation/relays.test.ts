/** Trees of clusters: what a relay passes up and down, keeps, and answers for (DESIGN §7, rules L2, L4, L5, L7). */
import { describe, expect, it } from "vitest"
import { endpointIdToBytes } from "../../src/core/id.ts"
import { DocumentService } from "../../src/document/document-service.ts"
import { yjs } from "../../src/document/yjs/yjs.ts"
import { type EndpointEvent, type Message, tokenAuthenticator } from "../../src/endpoint/index.ts"
import { type Life, World } from "../../src/testing/simulation/index.ts"
import { RawClient } from "./raw-client.ts"

/** root ─ left ─ a, b; root ─ right ─ c; and d at the root. */
async function grow(seed = 1): Promise<{ world: World; at: Record<string, Life> }> {
  const world = new World({ seed })
  const at: Record<string, Life> = {}
  at.root = await world.until(world.host("root"))
  at.left = await world.until(world.relay("left", "root"))
  at.right = await world.until(world.relay("right", "root"))
  at.a = await world.until(world.join("a", "left"))
  at.b = await world.until(world.join("b", "left"))
  at.c = await world.until(world.join("c", "right"))
  at.d = await world.until(world.join("d", "root"))
  return { world, at }
}

function hear(life: Life, topic: string): { readonly values: unknown[]; readonly ready: Promise<void> } {
  const values: unknown[] = []
  const { ready } = life.endpoint!.handle(topic, (message: Message) => values.push(message.value))
  return { values, ready }
}

describe("A tree", () => {
  it("brings what anyone sends to everyone else who follows, once, by either route", async () => {
    const { world, at } = await grow()
    for (const route of ["nearest", "ordered"] as const) {
      const topic = `t.${route}`
      const heard = new Map(Object.entries(at).map(([name, life]) => [name, hear(life, topic)]))
      await world.until(Promise.all([...heard.values()].map(({ ready }) => ready)))
      for (const [name, life] of Object.entries(at)) {
        for (let n = 1; n <= 3; n++) expect(life.endpoint!.send(topic, `${name}${n}`, { route })).toBe(true)
      }
      await world.run(200)
      const all = Object.keys(at).flatMap(name => [1, 2, 3].map(n => `${name}${n}`))
      for (const [name, { values }] of heard)
        expect([name, [...values].sort()]).toEqual([name, all.filter(each => !each.startsWith(name)).sort()])
    }
  })

  it("acknowledges as rooted what the root has, and not before", async () => {
    const { world, at } = await grow()
    const heard = hear(at.root!, "t")
    await world.until(at.a!.endpoint!.send("t", 1, { ack: "rooted" }))
    expect(heard.values).toEqual([1])
    world.network.partition("left", "root")
    let rooted = false
    const received = at.a!.endpoint!.send("t", 2, { ack: "received" })
    at.a!.endpoint!.send("t", 3, { ack: "rooted" }).then(() => {
      rooted = true
    })
    await world.until(received)
    await world.run(500)
    expect([rooted, heard.values]).toEqual([false, [1]])
    world.network.heal()
    await world.run(2000)
    expect([rooted, heard.values]).toEqual([true, [1, 2, 3]])
  })

  it("carries on a link only what somebody below wants, for as long as somebody does", async () => {
    const { world, at } = await grow()
    const received = () => at.left!.endpoint!.statistics.received
    const send = async () => {
      const before = received()
      for (let n = 0; n < 10; n++) at.d!.endpoint!.send("x.1", n)
      await world.run(100)
      return received() - before
    }
    expect(await send()).toBe(0)
    const first = at.a!.endpoint!.handle("x.1", () => {})
    const second = at.b!.endpoint!.handle("x.*", () => {})
    await world.until(Promise.all([first.ready, second.ready]))
    expect(await send()).toBe(10)
    await first.close()
    await world.run(50)
    expect(await send()).toBe(10)
    await second.close()
    await world.run(50)
    expect(await send()).toBe(0)
  })

  it("knows who is where: paths, members, and events of those who come and go below", async () => {
    const { world, at } = await grow()
    const events: EndpointEvent[] = []
    at.root!.endpoint!.on("*", event => events.push(event))
    expect(at.a!.endpoint!.path).toEqual([at.root!, at.left!, at.a!].map(life => life.endpoint!.id))
    const names = () => at.root!.endpoint!.members.map(({ name }) => name).sort()
    expect(names()).toEqual(["a", "b", "c", "d", "left", "right"])
    expect(at.left!.endpoint!.members.map(({ name }) => name)).toEqual(["a", "b"])
    const deep = await world.until(world.relay("deep", "left"))
    await world.until(world.join("e", "deep", { reconnect: false }))
    await world.run(50)
    expect(names()).toContain("e")
    expect(events.filter(({ type }) => type === "arrived")).toMatchObject([
      { member: { name: "deep", host: at.left!.endpoint!.id } },
      { member: { name: "e", host: deep.endpoint!.id } },
    ])
    await world.until(world.close("deep"))
    await world.run(100)
    expect(names()).not.toContain("e")
    expect(
      events.filter(({ type }) => type === "departed").map(event => "member" in event && event.member.name),
    ).toEqual(expect.arrayContaining(["e", "deep"]))
  })

  it("tells each whose way from the root is another, and where it changed", async () => {
    const { world, at } = await grow()
    const deep = await world.until(world.relay("deep", "left"))
    const leaf = await world.until(world.join("e", "deep"))
    const told: string[] = []
    for (const life of [deep, leaf])
      life.endpoint!.on("path", ({ path, reason }) => told.push(`${life.name} ${path.length - 1}: ${reason}`))
    world.crash("left")
    await world.run(15_000)
    expect(told).toEqual(["deep 1: it hangs at another host", "e 2: the tree above its host changed"])
    expect(leaf.endpoint!.path).toEqual([at.root!, deep, leaf].map(life => life.endpoint!.id))
  })

  it("delivers direct messages and requests between any two, by id and by name, and says when nobody is there", async () => {
    const { world, at } = await grow()
    const told: string[] = []
    for (const [name, life] of Object.entries(at)) {
      life.endpoint!.handle("tell", message => told.push(`${name}<${message.value}`))
      life.endpoint!.handle("ask", message => `${name} heard ${message.value}`)
    }
    for (const [from, life] of Object.entries(at)) {
      for (const [to, other] of Object.entries(at)) {
        if (from === to) continue
        await world.until(life.endpoint!.sendTo(other.endpoint!.id, "tell", from))
        expect(await world.until(life.endpoint!.request(to, "ask", from))).toBe(`${to} heard ${from}`)
      }
    }
    await world.run(100)
    expect(told.sort()).toEqual(
      Object.keys(at)
        .flatMap(from => Object.keys(at).flatMap(to => (from === to ? [] : [`${to}<${from}`])))
        .sort(),
    )
    const gone = at.c!.endpoint!.id
    await world.until(world.close("c"))
    await world.run(100)
    const lost = await world.until(at.a!.endpoint!.sendTo(gone, "tell", 1).catch(error => error))
    expect(lost).toMatchObject({ code: "NoSuchEndpoint" })
    expect(await world.until(at.b!.endpoint!.request(gone, "ask", 1).catch(error => error))).toMatchObject({
      code: "NoSuchEndpoint",
    })
  })

  it("serves a document from the relay's own copy, and brings edits from everywhere to everywhere", async () => {
    const { world, at } = await grow()
    const services = new Map(
      Object.entries(at).map(([name, life]) => [name, new DocumentService(life.endpoint!.documentPort)]),
    )
    const texts = []
    for (const name of ["d", "a", "b", "c"]) {
      const { doc } = await world.until(services.get(name)!.open("notes", yjs))
      texts.push(doc.getText("text"))
    }
    for (const [i, text] of texts.entries()) text.insert(0, String(i))
    await world.run(500)
    const whole = texts[0]!.toString()
    expect([...whole].sort().join("")).toBe("0123")
    expect(texts.map(String)).toEqual([whole, whole, whole, whole])
    expect(services.get("left")!.documents.map(({ state }) => state)).toEqual(["synchronized"])
    for (const service of services.values()) service.abort()
  })

  it("lets nobody speak for others without leave", async () => {
    const world = new World({ seed: 1 })
    const authenticator = tokenAuthenticator("t")
    await world.until(world.host("hub", { authenticator }))
    const denied = await world.until(world.relay("r1", "hub", { token: "t" }).catch(error => error))
    expect(denied).toMatchObject({ code: "Unauthorized", retryable: false })
    await world.until(world.host("other", { authenticator: tokenAuthenticator("t", { relay: true }) }))
    expect((await world.until(world.relay("r2", "other", { token: "t" }))).endpoint!.role).toBe("relay")
  })

  it("refuses who would close a loop, and who would make it too deep", async () => {
    const world = new World({ seed: 1 })
    await world.until(world.host("root", { maxDepth: 8 }))
    await world.until(world.relay("r1", "root", { maxDepth: 2 }))
    await world.until(world.relay("hub", "r1", { maxDepth: 2 }))
    expect(await world.until(world.join("x", "hub").catch(error => error))).toMatchObject({
      code: "Refused",
      message: expect.stringContaining("there is no room for a subtree"),
    })
    const above = await new RawClient(world, "above").dial()
    const endpointId = endpointIdToBytes(world.life("r1")!.endpoint!.id)
    expect(await above.join({ endpointId, relay: true })).toMatchObject({ case: "refuse", value: { code: "Loop" } })
  })
})

/** What a sender hears of messages that its host took and could not pass on, whatever becomes of the connection. */
import { describe, expect, it } from "vitest"
import { type EndpointId, endpointIdToBytes } from "../../src/core/id.ts"
import type { EndpointEvent, Grants } from "../../src/endpoint/index.ts"
import { type Life, World } from "../../src/testing/simulation/index.ts"
import { RawHost } from "./raw-host.ts"
import { VotingWorld } from "./voting-world.ts"

const nobody = "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0"

async function cluster(seed = 3) {
  const world = new World({ seed })
  const host = await world.until(world.host("hub"))
  const client = await world.until(world.join("c", "hub"))
  const events: EndpointEvent[] = []
  client.endpoint!.on("*", event => events.push(event))
  return { world, host, client, events }
}

/** How the promise ended, once it has. */
function ending(promise: Promise<unknown>): { code: string | undefined } {
  const end: { code: string | undefined } = { code: undefined }
  promise.then(
    () => {
      end.code = "done"
    },
    thrown => {
      end.code = (thrown as { code?: string }).code
    },
  )
  return end
}

const told = (events: readonly EndpointEvent[], type: EndpointEvent["type"]) => events.filter(one => one.type === type)

describe("A notice that a message went nowhere", () => {
  it("survives the loss of the connection that it was lost with", async () => {
    const { world, client, events } = await cluster()
    world.network.partition("hub", "c", { oneWay: true })
    const end = ending(client.endpoint!.sendTo(nobody, "t", 1))
    await world.run(50)
    expect(end.code).toBeUndefined()
    world.network.cut("hub", "c")
    world.network.heal()
    await world.run(300)
    expect(told(events, "joined")).toMatchObject([{ resumed: true }])
    expect(end.code).toBe("NoSuchEndpoint")
    expect(told(events, "undeliverable")).toMatchObject([{ target: nobody, code: "NoSuchEndpoint" }])
  })

  it("is told once, though the host cannot know that it came before the connection broke", async () => {
    const { world, client, events } = await cluster()
    const end = ending(client.endpoint!.sendTo(nobody, "t", 1))
    await world.run(20)
    expect(end.code).toBe("NoSuchEndpoint")
    for (let times = 0; times < 2; times++) {
      world.network.cut("hub", "c")
      await world.run(200)
    }
    expect(told(events, "joined").length).toBeGreaterThan(0)
    expect(told(events, "undeliverable").length).toBe(1)
  })

  it("may be dropped when there are too many, and then nobody is told that all went well", async () => {
    const world = new World({ seed: 3 })
    const raw = await RawHost.open(world, "hub")
    const client = await world.until(world.join("c", "hub"))
    const ends = Array.from({ length: 4 }, (_, n) => ending(client.endpoint!.sendTo(nobody, "t", n)))
    await world.run(50)
    const { target, sequence } = { target: endpointIdToBytes(nobody as EndpointId), sequence: 3n }
    const undeliverable = [{ target, sequence, code: "NoSuchEndpoint", number: 3n }]
    raw.answer = () => raw.accept({ resumed: true, received: 4n, rooted: 4n, noticesLostThrough: 2n, undeliverable })
    world.network.cut("hub", "c")
    await world.run(500)
    expect(ends.map(end => end.code)).toEqual(["Lost", "Lost", "NoSuchEndpoint", "done"])
  })

  it("ends with its session: what is sent again under a new one is judged anew", async () => {
    const world = new World({ seed: 4 })
    await world.until(world.host("hub", { sessionKeepMs: 500 }))
    const client = await world.until(world.join("c", "hub"))
    world.network.partition("hub", "c", { oneWay: true })
    const end = ending(client.endpoint!.sendTo(nobody, "t", 1))
    await world.run(2000)
    world.network.heal()
    await world.run(2000)
    expect(client.endpoint!.peers[0]!.state).toBe("up")
    expect(end.code).toBe("NoSuchEndpoint")
  })
})

describe("A request to somebody who is gone", () => {
  it("fails at once when the host knows, by id and by name", async () => {
    const { world, client } = await cluster()
    const other = (await world.until(world.join("d", "hub"))).endpoint!
    await world.until(other.close())
    const began = world.clock.now()
    for (const target of [other.id, "d"]) {
      const end = ending(client.endpoint!.request(target, "ask", 1, { deadlineMs: 60_000 }))
      await world.run(50)
      expect(end.code, target).toBe("NoSuchEndpoint")
    }
    expect(world.clock.now() - began).toBeLessThan(200)
  })

  it("fails with its deadline when they go while they think, and then they are known to be gone", async () => {
    const world = new World({ seed: 3 })
    await world.until(world.host("hub", { sessionKeepMs: 500 }))
    const client = (await world.until(world.join("c", "hub"))).endpoint!
    const other = (await world.until(world.join("d", "hub"))).endpoint!
    other.handle("ask", () => new Promise(() => {}))
    const end = ending(client.request(other.id, "ask", 1, { deadlineMs: 3000 }))
    await world.run(50)
    world.crash("d")
    await world.run(2900)
    expect(end.code).toBeUndefined()
    await world.run(100)
    expect(end.code).toBe("Timeout")
    const again = ending(client.request(other.id, "ask", 1))
    await world.run(50)
    expect(again.code).toBe("NoSuchEndpoint")
  })

  it("of a host fails as soon as their session ends", async () => {
    const world = new World({ seed: 3 })
    const host = (await world.until(world.host("hub", { sessionKeepMs: 500 }))).endpoint!
    const other = (await world.until(world.join("d", "hub"))).endpoint!
    other.handle("ask", () => new Promise(() => {}))
    const end = ending(host.request(other.id, "ask", 1, { deadlineMs: 60_000 }))
    await world.run(50)
    world.crash("d")
    await world.run(1500)
    expect(end.code).toBe("PeerLost")
  })
})

describe("Sending where the grants do not allow it", () => {
  /** A host whose grants may change from one join to the next. */
  async function granted(grants: { now: Grants }) {
    const world = new World({ seed: 5 })
    const host = await world.until(
      world.host("hub", {
        sessionKeepMs: 500,
        authenticator: { authenticate: () => ({ allow: true, grants: grants.now }) },
      }),
    )
    const client = await world.until(world.join("c", "hub"))
    const events: EndpointEvent[] = []
    client.endpoint!.on("*", event => events.push(event))
    const got: unknown[] = []
    host.endpoint!.handle("*", message => void got.push([message.topic, message.value]))
    return { world, host, client, events, got }
  }

  /** The host forgets the client, which then joins anew. */
  async function rejoin(world: World, client: Life): Promise<void> {
    world.network.partition("hub", "c")
    await world.run(2000)
    world.network.heal()
    await world.run(3000)
    expect(client.endpoint!.peers[0]!.state).toBe("up")
  }

  it("is told once per topic, and fails each send that waits for its acknowledgement", async () => {
    const { world, client, events, got } = await granted({ now: { send: ["mine.*"] } })
    const { endpoint } = client
    for (let n = 0; n < 3; n++) endpoint!.send("theirs", n)
    const ends = [
      ending(endpoint!.send("theirs", 3, { ack: "rooted" })),
      ending(endpoint!.send("theirs", 4, { ack: "received" })),
      ending(endpoint!.send("mine.a", 5, { ack: "rooted" })),
    ]
    await world.run(50)
    expect(ends.map(end => end.code)).toEqual(["Unauthorized", "Unauthorized", "done"])
    endpoint!.send("others", 6)
    endpoint!.send("others", 7)
    await world.run(50)
    expect(told(events, "denied")).toMatchObject([
      { topic: "theirs", code: "Unauthorized" },
      { topic: "others", code: "Unauthorized" },
    ])
    expect(got).toEqual([["mine.a", 5]])
  })

  it("is heard of though the connection broke", async () => {
    const { world, client, events } = await granted({ now: { send: [] } })
    world.network.partition("hub", "c", { oneWay: true })
    const end = ending(client.endpoint!.send("theirs", 1, { ack: "rooted" }))
    await world.run(50)
    world.network.cut("hub", "c")
    world.network.heal()
    await world.run(300)
    expect(end.code).toBe("Unauthorized")
    expect(told(events, "denied").length).toBe(1)
  })

  it("works once a new join grants it", async () => {
    const grants = { now: { send: [] } as Grants }
    const { world, client, events, got } = await granted(grants)
    client.endpoint!.send("theirs", 1)
    await world.run(50)
    expect(told(events, "denied").length).toBe(1)
    grants.now = { send: ["theirs"] }
    await rejoin(world, client)
    const end = ending(client.endpoint!.send("theirs", 2, { ack: "rooted" }))
    await world.run(50)
    expect(end.code).toBe("done")
    expect(got).toEqual([["theirs", 2]])
  })
})

describe("Sending by a relay that may not send there", () => {
  it("is told to everyone below it who does, at any depth, before anything counts as rooted", async () => {
    const world = new World({ seed: 5 })
    const grants: Grants = { relay: true, send: ["mine"] }
    const root = await world.until(
      world.host("root", { authenticator: { authenticate: () => ({ allow: true, grants }) } }),
    )
    await world.until(world.relay("upper", "root"))
    await world.until(world.relay("lower", "upper"))
    const near = await world.until(world.join("near", "upper"))
    const far = await world.until(world.join("far", "lower"))
    const silent = await world.until(world.join("silent", "lower"))
    const got: unknown[] = []
    root.endpoint!.handle("*", message => void got.push(message.value))
    const events = [near, far, silent].map(life => {
      const all: EndpointEvent[] = []
      life.endpoint!.on("*", event => all.push(event))
      return all
    })
    const first = ending(far.endpoint!.send("theirs", 1, { ack: "rooted" }))
    const allowed = ending(far.endpoint!.send("mine", 2, { ack: "rooted" }))
    await world.run(200)
    expect([first.code, allowed.code, got]).toEqual(["Unauthorized", "done", [2]])
    expect(events.map(all => told(all, "denied").length)).toEqual([0, 1, 0])
    // Whoever sends there later hears it too, once.
    const later = ending(near.endpoint!.send("theirs", 3, { ack: "rooted" }))
    near.endpoint!.send("theirs", 4)
    await world.run(200)
    expect(later.code).toBe("Unauthorized")
    expect(events.map(all => told(all, "denied").length)).toEqual([1, 1, 0])
    expect(told(events[1]!, "denied")[0]).toMatchObject({ topic: "theirs", code: "Unauthorized" })
  })
})

describe("Following where the grants do not allow it", () => {
  it("is refused, and begins by itself once a new join grants it", async () => {
    const grants = { now: { receive: ["free.*"] } as Grants }
    const world = new World({ seed: 6 })
    const host = await world.until(
      world.host("hub", {
        sessionKeepMs: 500,
        authenticator: { authenticate: () => ({ allow: true, grants: grants.now }) },
      }),
    )
    const client = await world.until(world.join("c", "hub"))
    const got: unknown[] = []
    const handling = client.endpoint!.handle("kept.*", message => void got.push(message.value))
    const end = ending(handling.ready)
    await world.run(50)
    expect(end.code).toBe("Refused")
    host.endpoint!.send("kept.a", 1)
    await world.run(50)
    grants.now = { receive: ["kept.*"] }
    world.network.partition("hub", "c")
    await world.run(2000)
    world.network.heal()
    await world.run(3000)
    expect(client.endpoint!.peers[0]!.state).toBe("up")
    host.endpoint!.send("kept.a", 2)
    host.endpoint!.send("kept.b", 3)
    await world.run(50)
    expect(got).toEqual([2, 3])
    expect(client.endpoint!.statistics.gaps).toBe(0)
  })
})

describe("A reply", () => {
  it("that nobody waits for ends no request of the replier's own that has the same number", async () => {
    const { world, host, client, events } = await cluster()
    const asker = await world.until(world.join("d", "hub"))
    host.endpoint!.handle("mine", () => new Promise(() => {}))
    const mine = ending(client.endpoint!.request("hub", "mine", 1, { deadlineMs: 60_000 }))
    let answer = () => {}
    client.endpoint!.handle("theirs", () => new Promise<void>(resolve => (answer = resolve)))
    void ending(asker.endpoint!.request(client.endpoint!.id, "theirs", 1, { deadlineMs: 60_000 }))
    await world.run(50)
    world.crash("d")
    // Until its session is over.
    await world.run(15_000)
    answer()
    await world.run(1000)
    expect(mine.code).toBeUndefined()
    expect(told(events, "undeliverable")).toEqual([])
  })
})

describe("What Zinc itself sent", () => {
  it.each(["it was stopped for a while", "it is gone"])("to a root is no news to users when %s", async fate => {
    const tree = new VotingWorld(5)
    const { world } = tree
    const [old, ...others] = (await tree.found()).map(({ endpoint }) => endpoint!)
    const events: EndpointEvent[] = []
    for (const endpoint of [old!, ...others])
      endpoint.on("*", event => (event.type === "gap" || event.type === "undeliverable") && events.push(event))
    old!.documentPort.answer("zinc.never", () => new Promise(() => {}))
    const asked = others.map(each => ending(each.documentPort.ask("zinc.never", new Uint8Array(1))))
    await world.run(50)
    if (fate === "it is gone") tree.crash("va")
    else world.pause("va")
    // The questions end, and are taken back from a root that hears nothing.
    await world.run(10_000)
    expect(asked.map(({ code }) => code === undefined)).toEqual([false, false])
    expect(events).toEqual([])
    if (fate === "it is gone") return
    world.resume("va")
    await world.run(5000)
    const heard: unknown[] = []
    old!.handle("note", ({ value }) => void heard.push(value))
    for (const each of others) await world.until(each.sendTo(old!.id, "note", each.name))
    await world.run(5000)
    expect(heard.sort()).toEqual(["vb", "vc"])
    expect(events).toEqual([])
  })
})

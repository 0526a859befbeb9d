/** L9, L10 and the lifecycle: silence and loss, coming back, opening and closing in every state. */
import { describe, expect, it } from "vitest"
import { ZincError } from "../../src/core/errors.ts"
import { type EndpointEvent, MessageEndpoint } from "../../src/endpoint/index.ts"
import { type Life, World } from "../../src/testing/simulation/index.ts"
import { RawClient } from "./raw-client.ts"
import { RawHost } from "./raw-host.ts"

function eventsOf(life: Life): EndpointEvent[] {
  const events: EndpointEvent[] = []
  life.endpoint!.on("*", event => events.push(event))
  return events
}

const types = (events: readonly EndpointEvent[]) => events.map(event => event.type)

describe("L9 liveness", () => {
  it("both sides know the round trip, the client by what its host says", async () => {
    const world = new World({ seed: 3 })
    const host = await world.until(world.host("hub"))
    const client = await world.until(world.join("c", "hub"))
    expect(client.endpoint!.peers[0]!.roundTripMs).toBeUndefined()
    await world.run(600)
    const known = client.endpoint!.peers[0]!.roundTripMs!
    expect(known).toBeGreaterThan(0)
    expect(known).toBeLessThan(50)
    expect(host.endpoint!.peers[0]!.roundTripMs).toBeGreaterThan(0)
  })

  it("silence is not loss: a host paused for three seconds costs no join and no gap", async () => {
    const world = new World({ seed: 3 })
    const host = await world.until(world.host("hub"))
    const client = await world.until(world.join("c", "hub"))
    const [atHost, atClient] = [eventsOf(host), eventsOf(client)]
    const got: unknown[] = []
    await world.until(client.endpoint!.handle("t", message => void got.push(message.value)).ready)
    host.endpoint!.handle("up", message => void got.push(message.value))
    host.endpoint!.send("t", 1)
    await world.run(100)
    world.pause("hub")
    for (let n = 0; n < 30; n++) {
      client.endpoint!.send("up", `up ${n}`)
      await world.run(100)
    }
    expect(client.endpoint!.peers[0]!.state).toBe("degraded")
    world.resume("hub")
    host.endpoint!.send("t", 2)
    await world.run(1000)
    expect(client.endpoint!.peers[0]!.state).toBe("up")
    expect(got.filter(value => typeof value === "string")).toEqual(Array.from({ length: 30 }, (_, n) => `up ${n}`))
    expect(got.filter(value => typeof value === "number")).toEqual([1, 2])
    expect([...atHost, ...atClient]).toEqual([])
    expect(client.endpoint!.statistics).toMatchObject({ joins: 1, reconnects: 0, gaps: 0 })
  })

  it("a host that says nothing for as long as a session is kept is lost", async () => {
    const world = new World({ seed: 3 })
    const host = await RawHost.open(world, "hub")
    host.sessionKeepMs = 1000
    const client = await world.until(world.join("c", "hub", { reconnect: false }))
    host.alive = false
    await world.run(900)
    expect(client.endpoint!.state).toBe("open")
    await world.run(400)
    expect(client.endpoint!.state).toBe("closed")
    expect(await client.endpoint!.closed).toMatchObject({ requested: false, error: { code: "PeerLost" } })
  })

  it("a client that says nothing for as long as a session is kept is ended; until then it is degraded", async () => {
    const world = new World({ seed: 3 })
    const host = await world.until(world.host("hub", { sessionKeepMs: 2000 }))
    const raw = await new RawClient(world, "raw").joinWhole()
    await world.run(500)
    const peer = () => host.endpoint!.peers[0]
    expect(peer()!.state).toBe("up")
    raw.answers = false
    await world.run(1300)
    expect(peer()!.state).toBe("degraded")
    await world.run(1500)
    expect(peer()).toBeUndefined()
    expect(raw.lost).toContain("control")
  })

  it("a closed connection is known at once, and the first redial comes within 50 ms under the same session", async () => {
    const world = new World({ seed: 3 })
    const host = await world.until(world.host("hub"))
    const client = await world.until(world.join("c", "hub"))
    const [atHost, atClient] = [eventsOf(host), eventsOf(client)]
    world.network.cut("c", "hub")
    await world.run(5)
    expect(host.endpoint!.peers[0]!.state).toBe("away")
    expect(types(atHost)).toEqual(["left"])
    await world.run(80)
    expect(atHost.at(-1)).toMatchObject({ type: "joined", resumed: true })
    // A loss that one redial mends is none to tell at the client.
    expect(atClient).toMatchObject([{ type: "joined", resumed: true }])
  })

  it.each(["publish", "push"] as const)(
    "the %s leg lost alone is a degraded link, redialled under the same session",
    async leg => {
      const world = new World({ seed: 3 })
      const host = await world.until(world.host("hub"))
      const client = await world.until(world.join("c", "hub"))
      const got: unknown[] = []
      const atHost: unknown[] = []
      await world.until(client.endpoint!.handle("t", message => void got.push(message.value)).ready)
      host.endpoint!.handle("up", message => void atHost.push(message.value))
      const [hostEvents, clientEvents] = [eventsOf(host), eventsOf(client)]
      world.network.setFaults(leg, { disconnectRate: 1 })
      host.endpoint!.send("t", 1)
      client.endpoint!.send("up", 1)
      await world.run(2)
      expect(client.endpoint!.peers[0]!.state).toBe("degraded")
      world.network.setFaults(leg, {})
      host.endpoint!.send("t", 2)
      client.endpoint!.send("up", 2)
      await world.run(1000)
      expect(client.endpoint!.peers[0]!.state).toBe("up")
      expect(got).toEqual([1, 2])
      expect(atHost).toEqual([1, 2])
      expect([...hostEvents, ...clientEvents]).toEqual([])
      expect(client.endpoint!.statistics).toMatchObject({ joins: 1, reconnects: 0, gaps: 0 })
    },
  )

  it("a data leg that cannot be redialled for a second is a lost link", async () => {
    const world = new World({ seed: 3 })
    const host = await RawHost.open(world, "hub")
    const client = await world.until(world.join("c", "hub", { joinTimeoutMs: 200 }))
    const events = eventsOf(client)
    host.closePuller()
    await world.run(900)
    expect(client.endpoint!.peers[0]!.state).toBe("degraded")
    expect(host.joins.length).toBe(1)
    expect(events).toEqual([])
    await world.run(600)
    expect(host.joins.length).toBeGreaterThan(1)
    expect(events).toMatchObject([{ type: "left" }])
  })

  it("a host whose own loop stalled does not take that time for silence", async () => {
    const world = new World({ seed: 3 })
    const host = await world.until(world.host("hub", { sessionKeepMs: 1000 }))
    const raw = await new RawClient(world, "raw").joinWhole()
    await world.run(500)
    const events = eventsOf(host)
    world.pause("hub")
    await world.run(5000)
    world.resume("hub")
    await world.run(500)
    expect(events).toEqual([])
    expect(raw.lost).toEqual([])
  })

  it("a host whose loop stalls again and again finds out all the same who is dead", async () => {
    const world = new World({ seed: 3 })
    const host = await world.until(world.host("hub", { sessionKeepMs: 1000 }))
    const living = await new RawClient(world, "living").joinWhole()
    const dead = await new RawClient(world, "dead").joinWhole()
    await world.run(500)
    const events = eventsOf(host)
    dead.answers = false
    for (let stall = 0; stall < 20; stall++) {
      world.pause("hub")
      await world.run(700)
      world.resume("hub")
      await world.run(50)
    }
    const left = events.filter(event => event.type === "left")
    expect(left).toMatchObject([{ peer: { id: dead.endpointId }, code: "PeerLost" }])
    expect(living.lost).toEqual([])
  })

  it("so does a client", async () => {
    const world = new World({ seed: 3 })
    const host = await RawHost.open(world, "hub")
    host.sessionKeepMs = 1000
    const client = await world.until(world.join("c", "hub"))
    const events = eventsOf(client)
    world.pause("c")
    // The host is silent too while the client is stopped, so that nothing it said waits to be read.
    host.alive = false
    await world.run(5000)
    world.resume("c")
    await world.run(200)
    host.alive = true
    await world.run(1000)
    expect(events).toEqual([])
    expect(host.joins.length).toBe(1)
  })
})

describe("L10 coming back", () => {
  /** Times between attempts of a client whose host is gone. */
  async function waits(seed: number, attempts: number): Promise<{ waits: number[]; world: World; client: Life }> {
    const world = new World({ seed })
    await world.until(world.host("hub"))
    const network = world.network
    const dials: number[] = []
    const real = network.transport("c")
    const transport = new Proxy(real, {
      get: (target, name) => {
        if (name === "dealer") dials.push(world.clock.now())
        const value = target[name as keyof typeof target]
        return typeof value === "function" ? value.bind(target) : value
      },
    })
    const client = await world.until(world.join("c", "hub", { transport, reconnect: { minMs: 100, maxMs: 1600 } }))
    dials.length = 0
    const lostAt = world.clock.now()
    world.crash("hub")
    for (let i = 0; i < 100_000 && dials.length < attempts; i++) await world.run(1)
    return { waits: dials.map((at, i) => at - (dials[i - 1] ?? lostAt)), world, client }
  }

  it("backs off with full jitter: the first at once, then from 0 to a ceiling that doubles up to its most", async () => {
    const all = await Promise.all([1, 2, 3, 4, 5, 6].map(seed => waits(seed, 9)))
    const each = all.map(({ waits }) => waits)
    for (const waits of each) {
      expect(waits[0]).toBeLessThan(55)
      waits.slice(1).forEach((wait, n) => {
        expect(wait).toBeLessThan(Math.min(1600, 100 * 2 ** n) + 10)
      })
    }
    // Drawn, not fixed: no two clients wait alike, and some wait less than half the ceiling.
    expect(new Set(each.map(waits => waits[5])).size).toBe(6)
    const late = each.flatMap(waits => waits.slice(6))
    expect(Math.min(...late)).toBeLessThan(800)
    expect(Math.max(...late)).toBeGreaterThan(800)
  })

  it("begins anew from the least wait once a join has succeeded", async () => {
    const { world, client } = await waits(2, 8)
    await world.until(world.host("hub"))
    await world.run(4000)
    expect(client.endpoint!.peers[0]!.state).toBe("up")
    world.crash("hub")
    await world.run(400)
    await world.until(world.host("hub"))
    await world.run(450)
    expect(client.endpoint!.peers[0]!.state).toBe("up")
  })

  it("a join that did not reach its baseline is no success", async () => {
    const world = new World({ seed: 3 })
    const host = await RawHost.open(world, "hub")
    const client = await world.until(
      world.join("c", "hub", { joinTimeoutMs: 100, reconnect: { minMs: 100, maxMs: 10_000 } }),
    )
    world.network.setFaults("publish", { dropRate: 1 })
    host.hangUp()
    await world.run(10_000)
    // With a ceiling that did not rise there would be sixty or more.
    expect(host.joins.length).toBeLessThan(20)
    world.network.setFaults("publish", {})
    await world.run(12_000)
    expect(client.endpoint!.peers[0]!.state).toBe("up")
  })

  it("waits as long as the host asks it to", async () => {
    const world = new World({ seed: 3 })
    const host = await RawHost.open(world, "hub")
    const client = await world.until(world.join("c", "hub", { reconnect: { minMs: 10, maxMs: 20 } }))
    host.answer = () => ({ case: "refuse", value: { code: "Full", reason: "come back later", retryAfterMs: 3000 } })
    host.hangUp()
    await world.run(100)
    expect(host.joins.length).toBe(2)
    await world.run(2900)
    expect(host.joins.length).toBe(2)
    host.answer = () => host.accept()
    await world.run(200)
    expect(host.joins.length).toBe(3)
    expect(client.endpoint!.peers[0]!.state).toBe("up")
  })

  it("a refusal for good ends the endpoint, and says why", async () => {
    const world = new World({ seed: 3 })
    const host = await RawHost.open(world, "hub")
    const client = await world.until(world.join("c", "hub"))
    host.answer = () => ({ case: "refuse", value: { code: "Unauthorized", reason: "your token has expired" } })
    host.hangUp()
    await world.run(500)
    expect(await client.endpoint!.closed).toMatchObject({ requested: false, error: { code: "Unauthorized" } })
  })

  it("many clients come back to a restarted host, each once", async () => {
    const world = new World({ seed: 3 })
    await world.until(world.host("hub"))
    const clients = await Promise.all(
      Array.from({ length: 40 }, (_, i) => world.until(world.join(`c${i}`, "hub"), 20_000)),
    )
    world.crash("hub")
    await world.run(500)
    const host = await world.until(world.host("hub"))
    await world.run(3000)
    expect(clients.map(client => client.endpoint!.peers[0]!.state)).toEqual(clients.map(() => "up"))
    expect(host.endpoint!.peers.length).toBe(40)
    expect(host.endpoint!.statistics.joins).toBe(40)
  })
})

describe("The lifecycle", () => {
  it("of a host and a client goes from open through closing to closed, and says how it ended", async () => {
    const world = new World({ seed: 3 })
    const host = await world.until(world.host("hub"))
    const client = await world.until(world.join("c", "hub"))
    for (const life of [client, host]) {
      const endpoint = life.endpoint!
      expect(endpoint.state).toBe("open")
      const [one, two] = [endpoint.close(), endpoint.close()]
      expect(endpoint.state).toBe("closing")
      expect(() => endpoint.send("t", 1)).toThrow(expect.objectContaining({ code: "Closed" }))
      expect(() => endpoint.handle("t", () => {})).toThrow(expect.objectContaining({ code: "Closed" }))
      await world.until(Promise.all([one, two]))
      expect(endpoint.state).toBe("closed")
      await endpoint.close()
      endpoint.abort()
      expect(await endpoint.closed).toEqual({ requested: true })
    }
  })

  it("close drains: what was sent is rooted and handlers finish; abort does not wait", async () => {
    const world = new World({ seed: 3 })
    const host = await world.until(world.host("hub"))
    const client = await world.until(world.join("c", "hub"))
    const got: unknown[] = []
    host.endpoint!.handle("t", message => void got.push(message.value))
    let handled = false
    await world.until(
      client.endpoint!.handle("work", async () => {
        await new Promise<void>(resolve => client.clock.after(400, resolve))
        handled = true
      }).ready,
    )
    host.endpoint!.send("work", 1)
    await world.run(50)
    for (let n = 1; n <= 100; n++) client.endpoint!.send("t", n)
    await world.until(client.endpoint!.close())
    expect(got.length).toBe(100)
    expect(handled).toBe(true)
    const other = await world.until(world.join("d", "hub"))
    other.endpoint!.abort()
    expect(other.endpoint!.state).toBe("closed")
    expect(await other.endpoint!.closed).toMatchObject({ requested: false, error: { code: "Aborted" } })
  })

  it("close takes no longer than it may, whatever its host does", async () => {
    const world = new World({ seed: 3 })
    const host = await RawHost.open(world, "hub")
    const client = await world.until(world.join("c", "hub"))
    client.endpoint!.send("t", 1)
    const started = world.clock.now()
    await world.until(client.endpoint!.close({ timeoutMs: 700 }), 5000)
    expect(world.clock.now() - started).toBeGreaterThan(650)
    expect(world.clock.now() - started).toBeLessThan(1800)
    void host
  })

  it("whoever waits when it closes is told", async () => {
    const world = new World({ seed: 3 })
    const host = await RawHost.open(world, "hub")
    const client = await world.until(world.join("c", "hub"))
    const endpoint = client.endpoint!
    const ends = [
      endpoint.send("t", 1, { ack: "rooted" }),
      endpoint.request("00000000-0000-4000-8000-000000000000", "t", 1, { deadlineMs: 60_000 }),
      endpoint.request("somebody", "t", 1, { deadlineMs: 60_000 }),
      endpoint.flushed(),
      endpoint.sendTo("00000000-0000-4000-8000-000000000000", "t", 1),
    ].map(promise => promise.then(() => "done").catch(error => (ZincError.is(error) ? error.code : String(error))))
    await world.run(10)
    await world.until(endpoint.close({ timeoutMs: 100 }), 5000)
    expect(await world.until(Promise.all(ends))).toEqual(["Closed", "Closed", "Closed", "Closed", "Closed"])
    void host
  })

  it("a join can be aborted at any moment, and then nothing is left", async () => {
    for (let at = 0; at < 30; at++) {
      const world = new World({ seed: at })
      await world.until(world.host("hub"))
      const abort = new AbortController()
      world.clock.after(at * 0.1, () => abort.abort(new Error("changed my mind")))
      const outcome = await world.until(
        world.join("c", "hub", { signal: abort.signal }).then(
          life => life.endpoint!.state,
          error => error.code,
        ),
      )
      expect(["open", "Aborted"]).toContain(outcome)
      await world.run(13_000)
      if (outcome === "Aborted") expect(world.network.connections, `aborted after ${at * 0.1} ms`).toBe(0)
    }
  })

  it("a host that closes while somebody joins leaves nobody waiting", async () => {
    for (let at = 0; at < 30; at++) {
      const world = new World({ seed: at })
      const host = await world.until(world.host("hub"))
      world.clock.after(at * 0.1, () => void host.endpoint!.close())
      const joining = world.join("c", "hub", { joinTimeoutMs: 1000, reconnect: false })
      const outcome = await world.until(
        joining.then(
          async life => (await life.endpoint!.closed).error?.code,
          error => error.code,
        ),
        20_000,
      )
      expect(["PeerLost", "Unreachable", "HandshakeFailed", "Refused", "Timeout"]).toContain(outcome)
      await world.run(1000)
      expect(host.endpoint!.state).toBe("closed")
      expect(world.network.connections, `closed after ${at * 0.1} ms`).toBe(0)
    }
  })

  it("a host that closes tells its clients, who then try to come back", async () => {
    const world = new World({ seed: 3 })
    const host = await world.until(world.host("hub"))
    const client = await world.until(world.join("c", "hub", { reconnect: { minMs: 50, maxMs: 200 } }))
    const events = eventsOf(client)
    await world.until(host.endpoint!.close())
    await world.run(500)
    expect(events).toMatchObject([{ type: "left", code: "PeerLost" }])
    expect((events[0] as { reason: string }).reason).toContain("Draining")
    await world.until(world.host("hub"))
    await world.run(1000)
    expect(types(events)).toEqual(["left", "path", "joined", "regenerated"])
  })

  it("is disposed of by `await using`", async () => {
    const world = new World({ seed: 3 })
    const host = await world.until(world.host("hub"))
    let disposed: Promise<void> | undefined
    {
      const endpoint = host.endpoint!
      disposed = endpoint[Symbol.asyncDispose]()
    }
    await world.until(disposed)
    expect(host.endpoint!.state).toBe("closed")
  })

  it("an endpoint that could not open says why, and is closed", async () => {
    const world = new World({ seed: 3 })
    const common = {
      clock: world.network.clockOf("x"),
      random: world.random.fork(),
      transport: world.network.transport("x"),
    }
    await expect(world.until(MessageEndpoint.join("sim://nowhere", common))).rejects.toMatchObject({
      code: "Unreachable",
    })
    await expect(MessageEndpoint.host({ ...common, listen: "sim://elsewhere" })).rejects.toMatchObject({
      code: "Unreachable",
    })
    await world.until(MessageEndpoint.host({ ...common, listen: "sim://x" }))
    await expect(MessageEndpoint.host({ ...common, listen: "sim://x" })).rejects.toMatchObject({ code: "AddressInUse" })
  })
})

/** L1 to L4: who gets in, when a join is complete, what the publisher gives to whom, and what a session is worth. */
import { describe, expect, it } from "vitest"
import { equalBytes } from "../../src/core/bytes.ts"
import { endpointIdToBytes } from "../../src/core/id.ts"
import { type EndpointEvent, MessageEndpoint, tokenAuthenticator } from "../../src/endpoint/index.ts"
import { Kind } from "../../src/message/header.ts"
import { TopicKind } from "../../src/message/topic.ts"
import { World } from "../../src/testing/simulation/index.ts"
import { RawClient } from "./raw-client.ts"
import { RawHost } from "./raw-host.ts"

const redirectTo = (...addresses: string[]) =>
  ({ case: "redirect", value: { candidates: addresses.map(address => ({ addresses: [address] })) } }) as const

describe("L1 joining", () => {
  it("settles on a version both speak, or refuses and says which it speaks", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(world.host("hub"))
    const refused: EndpointEvent[] = []
    host.endpoint!.on("refused", event => refused.push(event))
    const raw = await new RawClient(world, "future").dial()
    expect(await raw.join({ versionMin: 2, versionMax: 9 })).toMatchObject({
      case: "refuse",
      value: { code: "VersionMismatch", versionMin: 1, versionMax: 1, retryAfterMs: 0 },
    })
    expect(refused).toMatchObject([{ name: "future", code: "VersionMismatch" }])
    const modern = await new RawClient(world, "modern").dial()
    expect(await modern.join({ versionMin: 1, versionMax: 9 })).toMatchObject({ case: "accept", value: { version: 1 } })
  })

  it("refuses another tree, a wrong token, a malformed id, and a client too many, each with its code", async () => {
    const world = new World({ seed: 1 })
    await world.until(world.host("hub", { tree: "north", maxClients: 1, authenticator: tokenAuthenticator("sesame") }))
    const refusal = (options: object) => world.until(world.join("c", "hub", options).catch(error => error))
    expect(await refusal({ tree: "south", token: "sesame" })).toMatchObject({ code: "Refused", retryable: false })
    expect(await refusal({ token: "abracadabra" })).toMatchObject({ code: "Unauthorized", retryable: false })
    expect(await refusal({})).toMatchObject({ code: "Unauthorized" })
    const raw = await new RawClient(world, "raw").dial()
    expect(await raw.join({ endpointId: new Uint8Array(3), token: new TextEncoder().encode("sesame") })).toMatchObject({
      case: "refuse",
      value: { code: "BadJoin" },
    })
    await world.until(world.join("first", "hub", { tree: "north", token: "sesame" }))
    expect(await refusal({ token: "sesame" })).toMatchObject({ code: "Full", retryable: true })
  })

  it("refuses with a neutral reason when the authenticator fails, and takes its time when it takes its time", async () => {
    const world = new World({ seed: 1 })
    await world.until(
      world.host("hub", {
        authenticator: {
          authenticate: async ({ name }) => {
            if (name === "bad") throw new Error("the password is hunter2")
            await new Promise<void>(resolve => world.clock.after(500, resolve))
            return { allow: true }
          },
        },
      }),
    )
    const error = await world.until(world.join("bad", "hub").catch(thrown => thrown))
    expect(error).toMatchObject({ code: "Unauthorized" })
    expect(error.message).not.toContain("hunter2")
    const started = world.clock.now()
    await world.until(world.join("slow", "hub"))
    expect(world.clock.now() - started).toBeGreaterThan(500)
  })

  it("says why once, and of a join that took too long what to look at", async () => {
    const world = new World({ seed: 1 })
    await world.until(world.host("hub", { authenticator: tokenAuthenticator("sesame") }))
    const refused = await world.until(world.join("c", "hub").catch(error => error))
    expect(refused.code).toBe("Unauthorized")
    expect(refused.message).not.toContain("Unauthorized")
    const mute = await RawHost.open(world, "mute")
    mute.answer = () => undefined
    const late = await world.until(world.join("d", "mute", { joinTimeoutMs: 200 }).catch(error => error))
    expect(late.code).toBe("Timeout")
    for (const word of ["sim://mute", "200 ms", "zinc doctor", "joinTimeoutMs"]) expect(late.message).toContain(word)
  })

  it("follows a redirect, and gives up on hosts that send it round in circles", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(world.host("hub"))
    const door = await RawHost.open(world, "door")
    door.answer = () => redirectTo("sim://hub")
    const client = await world.until(world.join("c", "door"))
    expect(client.endpoint!.peers[0]!.id).toBe(host.endpoint!.id)
    door.answer = () => redirectTo("sim://other")
    const other = await RawHost.open(world, "other")
    other.answer = () => redirectTo("sim://door")
    expect(await world.until(world.join("d", "door").catch(thrown => thrown))).toMatchObject({ code: "Unreachable" })
    expect(other.joins.at(-1)!.join.redirects).toBeGreaterThan(0)
  })

  it("a second JOIN on a connection, or anything before the first, costs the connection", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(world.host("hub"))
    const twice = await new RawClient(world, "twice").dial()
    await twice.join()
    const endpointId = new Uint8Array(16).fill(0x47)
    twice.say({ case: "join", value: { versionMin: 1, versionMax: 1, endpointId, name: "again" } })
    const early = await new RawClient(world, "early").dial()
    early.say({ case: "resolve", value: { id: 1, name: "hub" } })
    await world.run(50)
    expect(twice.lost).toEqual(["control"])
    expect(host.endpoint!.peers.map(({ name }) => name)).not.toContain("again")
    expect(early.lost).toEqual(["control"])
  })
})

describe("L2 baseline", () => {
  it("shows at the host when the baseline goes out: until then nobody joined, and nobody leaves", async () => {
    const world = new World({ seed: 2 })
    const host = await world.until(world.host("hub"))
    const events: EndpointEvent[] = []
    host.endpoint!.on("*", event => events.push(event))
    const early = await new RawClient(world, "early").dial()
    expect(await early.join()).toMatchObject({ case: "accept" })
    await world.run(300)
    expect(host.endpoint!.statistics.joins).toBe(0)
    world.network.cut("hub", "early")
    await world.run(300)
    expect(events).toEqual([])
    await new RawClient(world, "whole").joinWhole()
    expect(events).toMatchObject([{ type: "joined", peer: { name: "whole" }, resumed: false }])
    expect(host.endpoint!.statistics.joins).toBe(1)
    world.network.cut("hub", "whole")
    await world.run(20)
    expect(events).toMatchObject([{ type: "joined" }, { type: "left", peer: { name: "whole" } }])
  })

  it("cuts a name off at 64 octets, before the character that does not fit", async () => {
    const world = new World({ seed: 2 })
    const host = await world.until(world.host("hub"))
    const raw = await new RawClient(world, "raw").dial()
    expect(await raw.join({ name: `${"é".repeat(31)}a😀z` })).toMatchObject({ case: "accept" })
    expect(host.endpoint!.peers.map(peer => peer.name)).toEqual([`${"é".repeat(31)}a`])
  })

  it("comes when both the SYNC and the subscription to its private topic are there, and not before", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(world.host("hub"))
    host.endpoint!.send("t", 1)
    const raw = await new RawClient(world, "raw").dial()
    await raw.join()
    await raw.dialSubscriber()
    raw.say({ case: "sync", value: { number: 1, prefixes: [new TextEncoder().encode("nt\0")] } })
    await world.run(200)
    expect(raw.published).toEqual([])
    raw.subscribe("nt\0")
    raw.subscribePrivate(2)
    await world.run(200)
    expect(raw.published).toEqual([])
    raw.subscribePrivate(1)
    await world.run(50)
    expect(raw.published.map(({ header }) => header.kind)).toEqual([8])
    raw.say({ case: "sync", value: { number: 2, prefixes: [] } })
    await world.run(50)
    expect(raw.published.length).toBe(2)
  })

  it("completes the join: without it there is none, and a lost one is asked for again under a higher number", async () => {
    const world = new World({ seed: 1 })
    await world.until(world.host("hub"))
    world.network.setFaults("publish", { dropRate: 1 })
    let joined = false
    const joining = world.join("c", "hub").then(life => {
      joined = true
      return life
    })
    await world.run(900)
    expect(joined).toBe(false)
    world.network.setFaults("publish", {})
    await world.until(joining, 2000)
    const raw = await RawHost.open(world, "raw")
    world.network.setFaults("publish", { dropRate: 1 })
    const again = world.join("d", "raw")
    await world.run(1500)
    world.network.setFaults("publish", {})
    await world.until(again, 2000)
    const numbers = raw.heardOf("sync").map(({ number }) => number)
    expect(numbers.length).toBeGreaterThan(1)
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
  })

  it("makes a handler ready: all that is sent from then on comes, and what others sent before does not", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(world.host("hub"))
    const client = await world.until(world.join("c", "hub"))
    const sender = await world.until(world.join("s", "hub"))
    for (let n = 1; n <= 5; n++) for (const from of [host, sender]) from.endpoint!.send("t", `${from.name} ${n}`)
    await world.run(50)
    const got: unknown[] = []
    await world.until(client.endpoint!.handle("t", message => void got.push(message.value)).ready)
    for (let n = 6; n <= 8; n++) for (const from of [host, sender]) from.endpoint!.send("t", `${from.name} ${n}`)
    await world.run(50)
    expect(got.toSorted()).toEqual(["hub 6", "hub 7", "hub 8", "s 6", "s 7", "s 8"])
    expect(client.endpoint!.statistics.gaps).toBe(0)
  })
})

describe("L3 the guard", () => {
  it("gives a stranger's subscription nothing, and cuts it off in time", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(world.host("hub"))
    const stranger = new RawClient(world, "stranger")
    await stranger.dialSubscriber()
    stranger.subscribe("")
    stranger.subscribe("nt\0")
    await world.run(100)
    for (let n = 0; n < 10; n++) host.endpoint!.send("t", n)
    await world.run(500)
    expect(stranger.published).toEqual([])
    await world.run(12_000)
    expect(stranger.lost).toEqual(["subscriber"])
  })

  it("gives a client what it is granted, and nothing that belongs to another link", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(
      world.host("hub", { authenticator: { authenticate: () => ({ allow: true, grants: { receive: ["open.*"] } }) } }),
    )
    const victim = await new RawClient(world, "victim").joinWhole()
    const raw = await new RawClient(world, "raw").joinWhole(["nopen.", "nsecret\0", "n", ""])
    host.endpoint!.send("open.door", 1)
    host.endpoint!.send("secret", 2)
    await world.until(host.endpoint!.sendTo(victim.endpointId, "hello", "for the victim"))
    await world.run(200)
    const topics = raw.published.map(({ topic }) => topic).filter(topic => !topic.startsWith("~"))
    expect(topics.filter(topic => topic !== "mmark")).toEqual(["nopen.door"])
    // Even one that knows the secret of another link gets nothing from it, and loses its own leg for asking.
    raw.subscribePrivate("d", victim.accept)
    await world.until(host.endpoint!.sendTo(victim.endpointId, "hello", "for the victim again"))
    await world.run(200)
    expect(raw.lost).toEqual(["subscriber"])
    expect(victim.lost).toEqual([])
    expect(raw.published.some(({ payload }) => payload.includes("victim"))).toBe(false)
    expect(victim.published.some(({ payload }) => payload.includes("for the victim"))).toBe(true)
  })

  it("tells a handler that its topic is refused, and takes nothing on a topic not granted for sending", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(
      world.host("hub", {
        authenticator: tokenAuthenticator("x", { receive: ["open.*"], send: ["mine"] }),
      }),
    )
    const client = await world.until(world.join("c", "hub", { token: "x" }))
    const refused = await world.until(client.endpoint!.handle("secret", () => {}).ready.catch(thrown => thrown))
    expect(refused).toMatchObject({ code: "Refused" })
    await world.until(client.endpoint!.handle("open.window", () => {}).ready)
    const got: string[] = []
    const violations: EndpointEvent[] = []
    host.endpoint!.handle("*", message => void got.push(message.topic))
    host.endpoint!.on("violation", event => violations.push(event))
    client.endpoint!.send("mine", 1)
    client.endpoint!.send("yours", 2)
    await world.run(100)
    expect(got).toEqual(["mine"])
    expect(violations.length).toBe(1)
  })

  it("cannot be promised on a transport that does not know its subscribers, unless somebody says so", async () => {
    const world = new World({ seed: 1 })
    const transport = world.network.transport("hub")
    const supports = { ...transport.supports, subscriberIdentity: false }
    const blind = new Proxy(transport, {
      get: (target, name) => {
        const value = name === "supports" ? supports : target[name as keyof typeof target]
        return typeof value === "function" ? value.bind(target) : value
      },
    })
    const options = { listen: "sim://hub", transport: blind, clock: world.network.clockOf("hub") }
    await expect(MessageEndpoint.host({ ...options, authenticator: tokenAuthenticator("x") })).rejects.toMatchObject({
      code: "Unguarded",
    })
    const host = await MessageEndpoint.host({ ...options, authenticator: tokenAuthenticator("x"), unguarded: true })
    expect(host.state).toBe("open")
  })
})

describe("L4 sessions", () => {
  it("lets nobody join under the id of an endpoint elsewhere in the tree, though no host but that one's has met it", async () => {
    const world = new World({ seed: 4 })
    await world.until(world.host("hub"))
    await world.until(world.relay("floor", "hub"))
    const { endpoint: ada } = await world.until(world.join("ada", "floor"))
    const { endpoint: ben } = await world.until(world.join("ben", "hub"))
    const heard: unknown[] = []
    await world.until(ben!.handle("t", ({ value }) => heard.push(value)).ready)
    const letters: unknown[] = []
    ada!.handle("letter", ({ value }) => letters.push(value))
    const endpointId = endpointIdToBytes(ada!.id)
    for (const idSecret of [new Uint8Array(0), new Uint8Array(16), endpointId]) {
      const thief = await new RawClient(world, `thief ${idSecret.length} ${idSecret[0]}`).dial()
      expect(await thief.join({ endpointId, idSecret })).toMatchObject({
        case: "refuse",
        value: { code: "Unauthorized" },
      })
    }
    await world.until(ada!.send("t", 1, { route: "ordered", ack: "rooted" }))
    await world.until(ben!.sendTo(ada!.id, "letter", "for ada only"))
    await world.run(100)
    expect([heard, letters]).toEqual([[1], ["for ada only"]])
  })

  it("a leaf's origin is its session's, whatever its frames say", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(world.host("hub"))
    const listener = await world.until(world.join("c", "hub"))
    const origins: string[] = []
    host.endpoint!.handle("t", message => void origins.push(message.origin))
    await world.until(listener.endpoint!.handle("t", message => void origins.push(message.origin)).ready)
    const raw = await new RawClient(world, "raw").joinWhole()
    raw.push("t", '"as another"', { number: 1, origin: new Uint8Array(16).fill(1) })
    await world.run(50)
    expect(origins).toEqual([raw.endpointId, raw.endpointId])
  })

  it("what only a host says is not passed on when a client says it", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(world.host("hub"))
    const watcher = await new RawClient(world, "watcher").joinWhole(["nt", "mmark"])
    const raw = await new RawClient(world, "raw").joinWhole()
    raw.push("t", "as a mark", { number: 1, kind: Kind.Mark })
    raw.push("t", "as a baseline", { number: 2, sequence: 1, kind: Kind.Baseline })
    raw.push("mark", "where marks are", { number: 3, sequence: 1, topicKind: TopicKind.System })
    raw.push("t", "honest", { number: 4, sequence: 1 })
    await world.run(50)
    const fromRaw = watcher.published.filter(({ header }) => equalBytes(header.origin, raw.id))
    expect(fromRaw.map(({ payload }) => payload)).toEqual(["honest"])
    expect(host.endpoint!.statistics.violations).toBe(3)
  })

  it("frames of a dead or foreign session are dropped and counted", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(world.host("hub", { sessionKeepMs: 500 }))
    const got: unknown[] = []
    host.endpoint!.handle("t", message => void got.push(message.value))
    const raw = await new RawClient(world, "raw").joinWhole()
    raw.push("t", "1", { number: 1 })
    raw.push("t", "2", { number: 2, session: new Uint8Array(16).fill(1) })
    await world.run(50)
    expect(got).toEqual([1])
    expect(host.endpoint!.statistics.deadSession).toBe(1)
    const session = raw.accept!.session
    const again = new RawClient(world, "raw2")
    world.network.cut("raw", "hub")
    await world.run(1500)
    expect(host.endpoint!.peers).toEqual([])
    await again.dialPusher()
    again.push("t", "3", { number: 2, session })
    await world.run(50)
    expect(got).toEqual([1])
    expect(host.endpoint!.statistics.deadSession).toBe(2)
  })

  it("a session taken up again goes on where it was; one that has ended begins anew under the same id", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(world.host("hub", { sessionKeepMs: 1000 }))
    const raw = await new RawClient(world, "raw").joinWhole()
    raw.push("t", "1", { number: 1 })
    await world.run(50)
    const first = raw.accept!
    world.network.cut("raw", "hub")
    await world.run(100)
    const back = await new RawClient(world, "raw", "hub", raw.id).dial()
    expect(await back.join({ session: first.session })).toMatchObject({
      case: "accept",
      value: { resumed: true, link: first.link, received: 1n, session: first.session },
    })
    world.network.cut("raw", "hub")
    await world.run(2500)
    const late = await new RawClient(world, "raw", "hub", raw.id).dial()
    const answer = await late.join({ session: first.session })
    expect(answer).toMatchObject({ case: "accept", value: { resumed: false } })
    expect(late.accept!.link).not.toBe(first.link)
    expect(late.accept!.session).not.toEqual(first.session)
    expect(host.endpoint!.peers.length).toBe(1)
  })

  it("what a client says right after its goodbye is no violation", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(world.host("hub"))
    const violations: EndpointEvent[] = []
    host.endpoint!.on("violation", event => violations.push(event))
    const raw = await new RawClient(world, "raw").dial()
    await raw.join({})
    raw.say({ case: "leave", value: { code: "Requested", reason: "it closed", retryAfterMs: 0 } })
    raw.say({ case: "unsubscribe", value: { prefixes: [] } })
    await world.run(100)
    expect(host.endpoint!.peers).toEqual([])
    expect(violations).toEqual([])
    expect(host.endpoint!.statistics.violations).toBe(0)
  })

  it("a living id needs its ticket", async () => {
    const world = new World({ seed: 1 })
    const host = await world.until(world.host("hub"))
    const events: EndpointEvent[] = []
    host.endpoint!.on("*", event => events.push(event))
    const raw = await new RawClient(world, "raw").joinWhole()
    const thief = await new RawClient(world, "thief", "hub", raw.id).dial()
    expect(await thief.join()).toMatchObject({ case: "refuse", value: { code: "Duplicate", retryAfterMs: 0 } })
    const forger = await new RawClient(world, "forger", "hub", raw.id).dial()
    expect(await forger.join({ ticket: new Uint8Array(16).fill(1) })).toMatchObject({ case: "refuse" })
    expect(raw.lost).toEqual([])
    const self = await new RawClient(world, "self", "hub", raw.id).dial()
    expect(await self.join({ ticket: raw.accept!.ticket })).toMatchObject({ case: "accept", value: { resumed: false } })
    await world.run(50)
    expect(raw.lost).toContain("control")
    expect(events.filter(event => event.type === "left")).toMatchObject([{ code: "Replaced" }])
  })

  it("a joiner whose ACCEPT was lost may claim its id again, once that connection is gone", async () => {
    const world = new World({ seed: 1 })
    await world.until(world.host("hub"))
    const raw = await new RawClient(world, "raw").dial()
    await raw.join()
    const early = await new RawClient(world, "raw", "hub", raw.id).dial()
    const refusal = await early.join()
    expect(refusal).toMatchObject({ case: "refuse", value: { code: "Duplicate" } })
    // It is worth trying again.
    expect((refusal.value as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(0)
    world.network.cut("raw", "hub")
    await world.run(50)
    const again = await new RawClient(world, "raw", "hub", raw.id).dial()
    expect(await again.join()).toMatchObject({ case: "accept", value: { resumed: false } })
  })
})

/** Clients that were let in and then mean harm: what they send over real sockets costs them alone. */
import { afterEach, describe, expect, it } from "vitest"
import { deferred } from "../../src/core/deferred.ts"
import { endpointIdToBytes } from "../../src/core/id.ts"
import {
  DocumentPushReplySchema,
  DocumentPushSchema,
  DocumentSyncReplySchema,
  DocumentSyncRequestSchema,
  DocumentTopic,
  decodeMessage,
  encodeMessage,
} from "../../src/document/document-message.ts"
import {
  type Authenticator,
  Endpoint,
  type EndpointEvent,
  type HostOptions,
  text,
  tokenAuthenticator,
} from "../../src/index.ts"
import { encodeControl } from "../../src/message/control.ts"
import { frame, RawPeer } from "../interop/raw-peer.ts"
import { type JoinFields, join as joinOctets, RawJoiner, subscribe } from "./harness/raw-joiner.ts"

const ends: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function hub(options: Partial<HostOptions> = {}) {
  const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0", name: "hub", ...options })
  ends.push(() => host.close({ timeoutMs: 100 }))
  const events: EndpointEvent[] = []
  host.on("*", event => events.push(event))
  return { host, address: host.addresses[0]!, events }
}

async function join(address: string, name: string, token = ""): Promise<Endpoint> {
  const endpoint = await Endpoint.join(address, { name, token })
  ends.push(() => endpoint.close({ timeoutMs: 100 }))
  return endpoint
}

async function intruder(address: string, fields: JoinFields = {}, topics: readonly string[] = ["na\0"]) {
  const joiner = await RawJoiner.open(address, fields, topics)
  ends.push(() => joiner.destroy())
  return joiner
}

async function until(what: string, condition: () => boolean, limitMs = 30_000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

const endless = 2n ** 64n - 1n

describe("Grants", () => {
  const authenticator: Authenticator = {
    authenticate: ({ name }) =>
      name === "guest" ? { allow: true, grants: { receive: ["public.*"], send: ["public.*"] } } : { allow: true },
  }

  it("hold for documents too: a guest neither reads nor writes what it may not", async () => {
    const { address } = await hub({ authenticator })
    const member = await join(address, "member")
    const secret = await member.document("secret", text)
    secret.insert(0, "the plan")
    await secret.acknowledged()
    const guest = await join(address, "guest")
    await expect(guest.document("secret", text)).rejects.toMatchObject({
      code: expect.stringMatching(/Refused|Unauthorized/),
    })
    // Without following the topic, by asking the host's own services; and by writing to the topic.
    const { documentPort } = guest
    const sync = encodeMessage(DocumentSyncRequestSchema, { name: "secret", type: "text", version: new Uint8Array(9) })
    const answer = decodeMessage(DocumentSyncReplySchema, await documentPort.ask(DocumentTopic.Sync, sync))
    expect(answer).toMatchObject({ refusal: { code: "Unauthorized" }, fragment: new Uint8Array(0) })
    const piece = Buffer.from("01010100040104746578740578585858582000", "hex")
    const push = encodeMessage(DocumentPushSchema, {
      name: "secret",
      type: "text",
      transfer: 1n,
      size: BigInt(piece.length),
      offset: 0n,
      piece,
    })
    const pushed = decodeMessage(DocumentPushReplySchema, await documentPort.ask(DocumentTopic.Push, push))
    expect(pushed).toMatchObject({ refusal: { code: "Unauthorized" } })
    expect(secret.toString()).toBe("the plan")
    const open = await guest.document("public.notes", text)
    open.insert(0, "hello")
    await open.acknowledged()
  })

  it("without relay leave nobody another's name to speak under", async () => {
    const { address } = await hub({ authenticator })
    const reader = await join(address, "reader")
    const other = await join(address, "other")
    const origins = new Set<string>()
    const seen = deferred()
    await reader.handle("a", message => {
      origins.add(message.origin)
      if (message.sequence === 2) seen.resolve()
    }).ready
    const liar = await intruder(address)
    const up = await liar.opened(address)
    up.push("na", 1, { origin: endpointIdToBytes(other.id) })
    up.push("na", 2, { origin: Buffer.alloc(16, 7) })
    await seen.promise
    expect(origins.size).toBe(1)
    expect(origins.has(other.id)).toBe(false)
  })
})

describe("Numbers past 2⁵³ − 1", () => {
  it.each([
    ["a first leg number", { legFirst: endless }],
    ["a last leg number", { legLast: endless }],
    ["remembered topics", { memory: [{ topic: Buffer.from("na\0"), first: endless, acknowledged: 0n }] }],
    ["a remembered topic that is none", { memory: [{ topic: Buffer.from("x"), first: 1n, acknowledged: 0n }] }],
  ] as const)("in a JOIN, as %s, end that connection and no other", async (_, fields) => {
    // An authenticator that takes its time decides in a turn of its own, where nobody would catch what is thrown.
    const token = tokenAuthenticator("t")
    const { address } = await hub({
      authenticator: { authenticate: async request => token.authenticate(request) },
    })
    const peer = await RawPeer.connect(address)
    await peer.shakeHands("DEALER")
    peer.send(frame(0, joinOctets({ ...fields, token: Buffer.from("t") } as JoinFields)))
    await peer.closed()
    const honest = await join(address, "honest", "t")
    await honest.handle("*", () => {}).ready
    expect(honest.state).toBe("open")
  })
})

/**
 * How long the process, which is the host's here, was busy at a stretch at most. In milliseconds of its own work: what
 * the machine gives to others meanwhile is no stall of ours.
 */
function watchStalls() {
  const worked = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  let at = worked()
  let longest = 0
  const look = () => {
    const now = worked()
    longest = Math.max(longest, now - at)
    at = now
  }
  const timer = setInterval(look, 5)
  return () => {
    clearInterval(timer)
    look()
    return longest
  }
}

describe("Work that a client asks for", () => {
  it("is a bounded share of the host's: floods of repair requests", async () => {
    const { host, address } = await hub()
    const honest = await join(address, "honest")
    await honest.handle("ping", () => "pong").ready
    for (let i = 0; i < 60_000; i++) host.send(`t${i % 5000}`, i)
    const hostile = await intruder(address)
    // It takes the answers and looks at none, so that they come as fast as the host gives them.
    hostile.control.socket.removeAllListeners("data").resume()
    const ranges = [{ topic: Buffer.from("n"), after: 0n, through: 2n ** 53n - 1n }]
    const request = frame(0, encodeControl({ case: "repairRequest", value: { id: 1, ranges } }))
    const stalls = watchStalls()
    hostile.control.send(...Array.from({ length: 5000 }, () => request))
    for (let i = 0; i < 20; i++) expect(await host.request("honest", "ping", i)).toBe("pong")
    expect(stalls()).toBeLessThan(2000)
  })

  it("is a bounded share of the host's: floods of SYNCs over many topics", async () => {
    const { host, address } = await hub()
    for (let i = 0; i < 60_000; i++) host.send(`t${i}`, i)
    const honest = await join(address, "honest")
    await honest.handle("ping", () => "pong").ready
    const hostile = await intruder(address)
    const prefixes = Array.from({ length: 10_000 }, (_, i) => Buffer.from(`nx${i}`))
    const stalls = watchStalls()
    for (let number = 2; number < 40; number++) {
      hostile.subscriber.send(subscribe(Buffer.concat([hostile.accept.privatePrefix, Buffer.from(`${number}\0`)])))
      hostile.say({ case: "sync", value: { number, prefixes } })
    }
    for (let i = 0; i < 20; i++) expect(await host.request("honest", "ping", i)).toBe("pong")
    expect(stalls()).toBeLessThan(2000)
    expect(honest.statistics.gaps).toBe(0)
  })

  it("leaves nothing behind: ever new topics, names, promises and farewells", async () => {
    const { host, address } = await hub()
    await host.handle("*", () => {}).ready
    const honest = await join(address, "honest")
    await honest.handle("ping", () => "pong").ready
    const hostile = await intruder(address)
    const up = await hostile.opened(address)
    const stalls = watchStalls()
    for (let i = 0; i < 100; i++) {
      up.peer.send(...Array.from({ length: 1000 }, (_, j) => up.next(`${j % 2 === 0 ? "n" : "o"}t${i}.${j}`, 1)))
      await new Promise(resolve => setImmediate(resolve))
    }
    const lie = encodeControl({ case: "heartbeatReply", value: { count: 0n, mark: 0n, legLast: 2n ** 53n - 1n } })
    const farewell = encodeControl({ case: "leave", value: { code: "x", reason: "y", retryAfterMs: 0 } }, 2 ** 53 - 1)
    hostile.control.send(...Array.from({ length: 20_000 }, () => frame(0, lie)))
    hostile.control.send(...Array.from({ length: 20_000 }, () => frame(0, farewell)))
    await until("all that was sent", () => host.statistics.delivered >= 100_000)
    for (let i = 0; i < 20; i++) expect(await host.request("honest", "ping", i)).toBe("pong")
    expect(stalls()).toBeLessThan(2000)
  })
})

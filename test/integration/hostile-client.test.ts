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
import { frame, RawPeer } from "../interop/raw-peer.ts"
import { type JoinFields, join as joinOctets, RawJoiner } from "./harness/raw-joiner.ts"

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
    const liar = await intruder(address, { relay: true })
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

/** Presence over the ports of a host and its clients, on virtual time; awareness as an editor binding uses it. */
import { describe, expect, it } from "vitest"
import type { Awareness } from "y-protocols/awareness"
import { type ClientPort, PortNetwork } from "../../test/document/port-network.ts"
import { utf8 } from "../core/bytes.ts"
import {
  DocumentTopic,
  decodeMessage,
  encodeMessage,
  PresenceReplySchema,
  PresenceRequestSchema,
} from "./document-message.ts"
import { DocumentService } from "./document-service.ts"
import { type TextDocument, text } from "./yjs/text.ts"

async function cluster(clients: number, delayMs: readonly [number, number] = [1, 20]) {
  const network = new PortNetwork({ seed: 3, delayMs })
  const { clock } = network
  let host = new DocumentService(network.host)
  const members: { port: ClientPort; service: DocumentService; document: TextDocument }[] = []
  const join = async () => {
    const port = network.client()
    port.up()
    const service = new DocumentService(port)
    const opening = service.open("notes", text)
    await clock.run(300)
    const member = { port, service, document: await opening }
    members.push(member)
    return member
  }
  for (let i = 0; i < clients; i++) await join()
  return {
    network,
    clock,
    members,
    join,
    get host() {
      return host
    },
    async restartHost() {
      host.abort()
      network.restartHost()
      host = new DocumentService(network.host)
      for (const member of members) member.port.up()
      await clock.run(3_000)
    },
  }
}

/** The names of those whom this awareness shows, itself included. */
function names(awareness: Awareness): string[] {
  return [...awareness.getStates().values()].map(state => String(state.name)).sort()
}
function named(document: TextDocument, name: string): Awareness {
  document.awareness.setLocalState({ name })
  return document.awareness
}

describe("Presence", () => {
  it("shows everyone to everyone, the latest of each, the host's own user too", async () => {
    const { clock, members, host } = await cluster(2)
    const mine = await host.open("notes", text)
    const all = [named(mine, "host"), named(members[0]!.document, "ada"), named(members[1]!.document, "ben")]
    await clock.run(300)
    for (const each of all) expect(names(each)).toEqual(["ada", "ben", "host"])
    for (let i = 0; i < 50; i++) all[1]!.setLocalStateField("at", i)
    const heard: unknown[] = []
    all[2]!.on("change", (changes: unknown) => heard.push(changes))
    await clock.run(300)
    expect(all[0]!.getStates().get(all[1]!.clientID)).toEqual({ name: "ada", at: 49 })
    expect(all[2]!.getStates().get(all[1]!.clientID)).toEqual({ name: "ada", at: 49 })
    expect(heard).toEqual([{ added: [], updated: [all[1]!.clientID], removed: [] }])
  })

  it("costs nothing when nobody asks for it", async () => {
    const { clock, members, network } = await cluster(2)
    await clock.run(5_000)
    const { frames, asks } = network
    await clock.run(60_000)
    expect(network.frames).toBe(frames)
    expect(network.asks).toBe(asks)
    named(members[0]!.document, "ada")
    named(members[1]!.document, "ben")
    await clock.run(1_000)
    const after = network.asks
    await clock.run(120_000)
    expect(network.asks).toBe(after)
    expect(names(members[0]!.document.awareness)).toEqual(["ada", "ben"])
  })

  it("is told to whoever joins late, in parts", async () => {
    const { clock, members, join } = await cluster(12)
    for (const [i, { document }] of members.entries()) {
      document.awareness.setLocalState({ name: `member ${i}`, much: "x".repeat(15_000) })
    }
    await clock.run(1_000)
    const late = await join()
    const awareness = named(late.document, "late")
    await clock.run(1_000)
    expect(names(awareness)).toHaveLength(13)
    for (const { document } of members) expect(names(document.awareness)).toHaveLength(13)
  })

  it("ends when its endpoint says so, closes the document, or is gone", async () => {
    const { clock, members, network } = await cluster(4)
    const [ada, ben, cleo, dan] = members.map(({ document }, i) => named(document, "abcd"[i]!))
    await clock.run(300)
    expect(names(ada!)).toEqual(["a", "b", "c", "d"])
    const removed: number[] = []
    ada!.on("change", (changes: { removed: number[] }) => removed.push(...changes.removed))
    ben!.setLocalState(null)
    await Promise.all([members[2]!.document.close(), clock.run(300)])
    members[3]!.port.down()
    network.host.gone(members[3]!.port.id)
    await clock.run(300)
    expect(names(ada!)).toEqual(["a"])
    expect(new Set(removed)).toEqual(new Set([ben!.clientID, cleo!.clientID, dan!.clientID]))
    // Without a host nobody is known to be there.
    expect(names(dan!)).toEqual(["d"])
    members[3]!.port.up()
    await clock.run(500)
    expect(names(ada!)).toEqual(["a", "d"])
    expect(names(dan!)).toEqual(["a", "d"])
  })

  it("is there again when the document is opened again, at a client and at the host", async () => {
    const { clock, members, host } = await cluster(2)
    const ada = named(members[0]!.document, "ada")
    const opening = host.open("notes", text)
    const first = await opening
    named(first, "host")
    named(members[1]!.document, "ben")
    await clock.run(300)
    await Promise.all([first.close(), members[1]!.document.close(), clock.run(300)])
    expect(names(ada)).toEqual(["ada"])
    expect(() => first.awareness).toThrow(expect.objectContaining({ code: "Closed" }))
    const again = members[1]!.service.open("notes", text)
    await clock.run(300)
    const ben = named(await again, "ben again")
    const here = named(await host.open("notes", text), "host again")
    await clock.run(300)
    for (const each of [ada, ben, here]) expect(names(each)).toEqual(["ada", "ben again", "host again"])
  })

  it("mends itself after losses that nobody was told of, and under a host that starts anew", async () => {
    const it = await cluster(3)
    const { clock, members, network } = it
    const all = members.map(({ document }, i) => named(document, "abc"[i]!))
    await clock.run(300)
    network.faults.loss = 0.7
    network.faults.told = false
    for (let i = 0; i < 40; i++) {
      all[i % 3]!.setLocalStateField("at", i)
      await clock.run(40)
    }
    network.faults.loss = 0
    for (const [i, each] of all.entries()) each.setLocalStateField("at", `last ${i}`)
    await clock.run(20_000)
    const seen = (each: Awareness) => Object.fromEntries(each.getStates())
    for (const each of all) expect(seen(each)).toEqual(seen(all[0]!))
    await it.restartHost()
    for (const each of all) expect(seen(each)).toEqual(seen(all[0]!))
    expect(names(all[0]!)).toEqual(["a", "b", "c"])
    expect([...all[1]!.getStates().values()].map(state => state.at).sort()).toEqual(["last 0", "last 1", "last 2"])
  })

  it("is not what a host of before said, and comes late: promotion seed 8410", async () => {
    const it = await cluster(2, [10, 11])
    const { clock, members } = it
    const [{ port, document }, other] = members as [(typeof members)[0], (typeof members)[0]]
    const [ada, ben] = [document.awareness, named(other.document, "b")]
    ada.setLocalState(null)
    const [deliver, ask] = [port.deliver.bind(port), port.ask.bind(port)]
    const kept: Parameters<typeof deliver>[] = []
    port.deliver = (...args) => {
      kept.push(args)
      deliver(...args)
    }
    for (let at = 0; at < 9; at++) {
      ben.setLocalStateField("at", at)
      await clock.run(300)
    }
    // What a repair brings of Ben comes while Ada asks the new host who is there, which has not heard of him yet.
    members.pop()
    port.deliver = deliver
    port.ask = (topic, ...args) => {
      const answer = ask(topic, ...args)
      if (topic === DocumentTopic.Presence) for (const each of kept.splice(0)) deliver(...each)
      return answer
    }
    await it.restartHost()
    expect(kept).toEqual([])
    other.port.up()
    ben.setLocalStateField("name", "b anew")
    await clock.run(300)
    expect(names(ada)).toEqual(["b anew"])
  })

  it("notices by the next frame that one is missing, and asks for what it said", async () => {
    const { clock, members } = await cluster(3, [10, 11])
    const [ada, ben, cleo] = members.map(({ document }, i) => named(document, "abc"[i]!))
    await clock.run(500)
    const lose = async () => {
      await clock.run(15)
      members[1]!.port.downWire.cut()
      await clock.run(200)
    }
    ada!.setLocalStateField("name", "a changed")
    await lose()
    expect(names(ben!)).toEqual(["a", "b", "c"])
    cleo!.setLocalStateField("at", 1)
    await clock.run(200)
    expect(names(ben!)).toEqual(["a changed", "b", "c"])
    ada!.setLocalState(null)
    await lose()
    expect(names(ben!)).toEqual(["a changed", "b", "c"])
    expect(names(cleo!)).toEqual(["b", "c"])
    cleo!.setLocalStateField("at", 2)
    await clock.run(200)
    expect(names(ben!)).toEqual(["b", "c"])
  })

  it("waits with what is said here while the outbound channel is closed, and goes on telling of others", async () => {
    const { clock, members, network, host } = await cluster(2)
    const [ada, ben] = members.map(({ document }, i) => named(document, "ab"[i]!))
    const here = named(await host.open("notes", text), "h")
    await clock.run(300)
    for (const port of [network.host, members[0]!.port]) port.closeOutbound()
    here.setLocalState({ name: "h changed" })
    ada!.setLocalState({ name: "a changed" })
    ben!.setLocalState({ name: "b changed" })
    await clock.run(1_000)
    expect(names(ada!)).toEqual(["a changed", "b changed", "h"])
    expect(names(ben!)).toEqual(["a", "b changed", "h"])
    for (const port of [network.host, members[0]!.port]) port.openOutbound()
    await clock.run(500)
    for (const each of [ada!, ben!, here]) expect(names(each)).toEqual(["a changed", "b changed", "h changed"])
  })

  it("is nobody else's to say", async () => {
    const { clock, members, network } = await cluster(2)
    const [ada, ben] = members.map(({ document }, i) => named(document, "ab"[i]!))
    await clock.run(300)
    const hostile = network.client()
    hostile.up()
    const say = async (client: number, state: Uint8Array) => {
      const asking = hostile.ask(
        DocumentTopic.Presence,
        encodeMessage(PresenceRequestSchema, { name: "notes", type: "text", own: { client: BigInt(client), state } }),
      )
      await clock.run(100)
      return decodeMessage(PresenceReplySchema, await asking).refusal?.code
    }
    expect(await say(ben!.clientID, utf8('{"name":"not b"}'))).toBe("Refused")
    expect(await say(ben!.clientID, new Uint8Array(0))).toBeUndefined()
    expect(await say(77, new Uint8Array(20_000))).toBe("TooLarge")
    await clock.run(200)
    expect(names(ada!)).toEqual(["a", "b"])
    // What is no JSON object is shown to nobody, and harms nobody.
    expect(await say(77, utf8("nonsense"))).toBeUndefined()
    await clock.run(200)
    expect(names(ada!)).toEqual(["a", "b"])
    expect(await say(77, utf8('{"name":"h"}'))).toBeUndefined()
    await clock.run(200)
    expect(names(ada!)).toEqual(["a", "b", "h"])
  })

  it("refuses what is too large, or cannot be written, where it is set", async () => {
    const { clock, members } = await cluster(2)
    const [ada, ben] = members.map(({ document }, i) => named(document, "ab"[i]!))
    await clock.run(300)
    expect(() => ada!.setLocalState({ name: "x".repeat(20_000) })).toThrow(
      expect.objectContaining({ code: "TooLarge" }),
    )
    expect(() => ada!.setLocalState({ name: 1n })).toThrow(expect.objectContaining({ code: "BadPayload" }))
    await clock.run(300)
    expect(names(ben!)).toEqual(["a", "b"])
    ada!.setLocalState({ name: "again" })
    await clock.run(300)
    expect(names(ben!)).toEqual(["again", "b"])
  })

  it("tells many changes of many as few frames", async () => {
    const { clock, members, network } = await cluster(10)
    const all = members.map(({ document }, i) => named(document, `${i}`))
    await clock.run(1_000)
    const { frames, asks } = network
    for (let ms = 0; ms < 1_000; ms += 5) {
      for (const each of all) each.setLocalStateField("at", ms)
      await clock.run(5)
    }
    await clock.run(200)
    // Twenty-odd frames to each of ten.
    expect(network.frames - frames).toBeLessThan(300)
    expect(network.frames - frames).toBeGreaterThan(100)
    expect(network.asks - asks).toBeLessThan(1_500)
    for (const each of all) for (const state of each.getStates().values()) expect(state.at).toBe(995)
  })
})

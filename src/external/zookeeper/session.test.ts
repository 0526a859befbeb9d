/** The session against a server's side played octet by octet, in virtual time. Real servers: test/conformance. */
import { describe, expect, it } from "vitest"
import { utf8 } from "../../core/bytes.ts"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { JuteReader, JuteWriter } from "./jute.ts"
import { messageBytesMax } from "./message-splitter.ts"
import { createNode, nodeExists, Opcode, Reply, readNode } from "./operation.ts"
import { type SessionEvent, ZooKeeperSession } from "./session.ts"
import type { ServerPlace, WireEvents } from "./wire.ts"

/** One connection as the server sees it. */
class Peer {
  readonly server: ServerPlace
  readonly events: WireEvents
  readonly frames: Uint8Array[] = []
  destroyed = false

  constructor(server: ServerPlace, events: WireEvents) {
    this.server = server
    this.events = events
  }

  /** What the client greeted with: the last change it saw, and its session. */
  get greeting(): { zxid: bigint; session: bigint } {
    const reader = new JuteReader(this.frames[0]!.subarray(4))
    reader.int()
    const zxid = reader.long()
    reader.int()
    return { zxid, session: reader.long() }
  }

  accept(session: bigint, sessionMs = 4_000): void {
    this.say(new JuteWriter().int(0).int(sessionMs).long(session).buffer(new Uint8Array(16)).boolean(false).framed())
  }

  say(bytes: Uint8Array): void {
    if (!this.destroyed) this.events.data(bytes)
  }

  /** Requests but the greeting, as [xid, opcode]. */
  get asked(): [number, number][] {
    return this.frames.slice(1).map(frame => {
      const reader = new JuteReader(frame.subarray(4))
      return [reader.int(), reader.int()]
    })
  }

  lastAsked(opcode: number): number {
    return this.asked.findLast(each => each[1] === opcode)![0]
  }

  reply(xid: number, options: { zxid?: bigint; error?: number; body?: (writer: JuteWriter) => void } = {}): Uint8Array {
    const writer = new JuteWriter().int(xid).long(options.zxid ?? 1n)
    writer.int(options.error ?? 0)
    options.body?.(writer)
    return writer.framed()
  }

  /** Answers every ping from now on. */
  answerPings(): void {
    this.say(this.reply(-2))
    this.pings = true
  }
  pings = false
}

function scene(options: { servers?: number; credentials?: string } = {}) {
  const clock = new SimulatedClock()
  const peers: Peer[] = []
  const events: SessionEvent[] = []
  const session = new ZooKeeperSession({
    servers: Array.from({ length: options.servers ?? 1 }, (_, i) => ({ host: `zk${i}`, port: 2181 })),
    clock,
    random: new SeededRandom(1),
    dial(server, wireEvents) {
      const peer = new Peer(server, wireEvents)
      peers.push(peer)
      clock.soon(() => wireEvents.open())
      return {
        write(bytes) {
          peer.frames.push(bytes)
          if (peer.pings && new JuteReader(bytes.subarray(4)).int() === -2)
            clock.after(1, () => peer.say(peer.reply(-2)))
        },
        destroy() {
          peer.destroyed = true
        },
      }
    },
    sessionMs: 4_000,
    silenceMs: 1_000,
    timeoutMs: 2_000,
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
  })
  for (const type of ["connected", "contact", "watch"] as const) session.events.on(type, event => events.push(event))
  clock.advance(0)
  const last = () => peers.at(-1)!
  const connect = (id = 7n) => {
    last().accept(id)
    last().answerPings()
  }
  return { clock, peers, last, events, session, connect }
}

const stat = (writer: JuteWriter) =>
  writer.long(1n).long(2n).long(3n).long(4n).int(5).int(0).int(0).long(6n).int(0).int(0).long(0n)

describe("ZooKeeperSession", () => {
  it("reads answers however they are cut", async () => {
    for (let size = 1; size < 40; size++) {
      const { last, session, connect } = scene()
      connect()
      const asked = session.ask(readNode("/a"))
      const peer = last()
      const whole = peer.reply(peer.lastAsked(Opcode.GetData), { body: writer => stat(writer.buffer(utf8("value"))) })
      for (let at = 0; at < whole.length; at += size) peer.say(whole.subarray(at, at + size))
      expect(await asked).toEqual({
        data: utf8("value"),
        stat: { czxid: 1n, mzxid: 2n, version: 5, owner: 6n },
      })
    }
  })

  it("takes many answers from one chunk", async () => {
    const { last, session, connect } = scene()
    connect()
    const asked = Array.from({ length: 5_000 }, () => session.ask(nodeExists("/a")))
    const peer = last()
    const replies = peer.asked.filter(each => each[1] === Opcode.Exists).map(([xid]) => peer.reply(xid, { body: stat }))
    const chunk = new Uint8Array(replies.reduce((sum, each) => sum + each.length, 0))
    let at = 0
    for (const each of replies) {
      chunk.set(each, at)
      at += each.length
    }
    peer.say(chunk)
    expect((await Promise.all(asked)).length).toBe(5_000)
  })

  it("begins afresh on a new connection, whatever half an answer the last one left", async () => {
    const { clock, last, session, connect } = scene()
    connect()
    const asked = session.ask(readNode("/a"))
    const first = last()
    first.say(first.reply(first.lastAsked(Opcode.GetData), { body: stat }).subarray(0, 10))
    first.events.closed("reset")
    clock.advance(200)
    connect()
    const second = last()
    expect(second).not.toBe(first)
    second.say(second.reply(second.lastAsked(Opcode.GetData), { body: writer => stat(writer.buffer(utf8("b"))) }))
    expect((await asked).data).toEqual(utf8("b"))
  })

  it("leaves a server that goes silent, and says so, although its connection stays", () => {
    const { clock, peers, last, events, connect } = scene({ servers: 2 })
    connect()
    clock.advance(3_000)
    expect(peers.length).toBe(1)
    const mute = last()
    mute.pings = false
    clock.advance(1_300)
    expect(events.at(-1)).toMatchObject({ type: "contact", connected: false })
    expect(mute.destroyed).toBe(true)
    expect(last().server).not.toEqual(mute.server)
    expect(last().greeting.session).toBe(7n)
  })

  it("leaves a server that takes the connection and never greets", () => {
    const { clock, peers } = scene({ servers: 2 })
    clock.advance(1_001)
    expect(peers[0]!.destroyed).toBe(true)
    expect(peers.length).toBe(2)
    expect(peers[1]!.server).not.toEqual(peers[0]!.server)
  })

  it("says of a change that was under way that its fate is unknown, and asks harmless questions again", async () => {
    const { clock, last, session, connect } = scene()
    connect()
    const change = session.ask(createNode({ path: "/a", data: utf8(""), access: session.access }))
    const look = session.ask(nodeExists("/a"))
    const lost = expect(change).rejects.toMatchObject({ code: "PeerLost" })
    last().events.closed("reset")
    await lost
    clock.advance(200)
    connect()
    const peer = last()
    expect(peer.asked.some(each => each[1] === Opcode.Create)).toBe(false)
    peer.say(peer.reply(peer.lastAsked(Opcode.Exists), { body: stat }))
    expect((await look).version).toBe(5)
  })

  it("says whether a call that took too long was ever sent", async () => {
    const { clock, last, session, connect } = scene()
    const unsent = expect(session.ask(nodeExists("/a"))).rejects.toMatchObject({ code: "Unreachable" })
    clock.advance(2_001)
    await unsent
    connect()
    const peer = last()
    const sent = expect(session.ask(nodeExists("/a"))).rejects.toMatchObject({ code: "Timeout" })
    clock.advance(2_001)
    await sent
    // The answer that comes late is for nobody, and the next one for who asked next.
    const xid = peer.lastAsked(Opcode.Exists)
    const next = session.ask(nodeExists("/b"))
    peer.say(peer.reply(xid, { error: Reply.NoNode }))
    peer.say(peer.reply(peer.lastAsked(Opcode.Exists), { body: stat }))
    expect((await next).version).toBe(5)
  })

  it("begins a new session when the old one expired, and says that it is fresh", () => {
    const { clock, last, events, session, connect } = scene()
    connect(7n)
    last().events.closed("reset")
    clock.advance(200)
    expect(last().greeting.session).toBe(7n)
    last().accept(0n, 0)
    clock.advance(200)
    expect(last().greeting.session).toBe(0n)
    connect(8n)
    expect(session.sessionId).toBe(8n)
    expect(events.filter(each => each.type === "connected")).toEqual([
      { type: "connected", fresh: true },
      { type: "connected", fresh: true },
    ])
  })

  it("insists neither on a session nor on a last change that the ensemble must have given up", () => {
    const { clock, last, session, connect } = scene()
    connect(7n)
    void session.ask(nodeExists("/a")).catch(() => {})
    last().say(last().reply(last().lastAsked(Opcode.Exists), { zxid: 99n, body: stat }))
    last().events.closed("reset")
    clock.advance(200)
    expect(last().greeting).toEqual({ session: 7n, zxid: 99n })
    for (let i = 0; i < 20; i++) {
      last().events.closed("refused")
      clock.advance(1_000)
    }
    expect(last().greeting).toEqual({ session: 0n, zxid: 0n })
  })

  it("costs a server that speaks nonsense its connection, and nothing else", () => {
    const nonsense: Uint8Array[] = [
      new SeededRandom(1).bytes(5_000),
      new JuteWriter().framed(),
      Uint8Array.of(0x7f, 0xff, 0xff, 0xff),
      Uint8Array.of(0xff, 0xff, 0xff, 0xff),
      new JuteWriter().int(4_711).long(1n).int(0).framed(),
      new JuteWriter().int(-1).long(1n).int(0).int(1).int(3).int(1_000_000).framed(),
    ]
    for (const bytes of nonsense) {
      const { clock, peers, last, session, connect } = scene()
      connect()
      const peer = last()
      peer.say(bytes)
      expect(peer.destroyed).toBe(true)
      clock.advance(200)
      expect(peers.length).toBe(2)
      connect()
      expect(session.open).toBe(true)
    }
    expect(messageBytesMax).toBeLessThan(2 ** 24)
  })

  it("says that it was not let in, and to everyone who asks while that is so", async () => {
    const { last, session, connect } = scene({ credentials: "me:wrong" })
    const early = expect(session.ask(nodeExists("/a"))).rejects.toMatchObject({ code: "Unauthorized" })
    connect()
    last().say(last().reply(-4, { error: Reply.AuthFailed }))
    await early
  })

  it("bounds what waits", async () => {
    const { session } = scene()
    const waiting = Array.from({ length: 10_000 }, () => session.ask(nodeExists("/a")).catch(() => {}))
    await expect(session.ask(nodeExists("/a"))).rejects.toMatchObject({ code: "Full" })
    await session.close()
    await Promise.all(waiting)
  })

  it("dials a server that is away with growing pauses, never longer than a second", () => {
    const { clock, peers, last } = scene()
    const gaps: number[] = []
    for (let i = 0; i < 30; i++) {
      const began = clock.now()
      const count = peers.length
      last().events.closed("refused")
      while (peers.length === count) clock.step()
      clock.advance(0)
      gaps.push(clock.now() - began)
    }
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_000)
    expect(Math.max(...gaps.slice(10))).toBeGreaterThan(200)
  })
})

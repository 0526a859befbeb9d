/** Peers on real sockets that never come to the point, over every carrier, and what all of them may hold together. */
import { connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { concat, fromHex, utf8 } from "../../core/bytes.ts"
import { systemClock } from "../../core/clock.ts"
import { SeededRandom } from "../../core/random.ts"
import { encodeReady } from "../../zmtp/command.ts"
import { encodeGreeting } from "../../zmtp/greeting.ts"
import { encodeRequest } from "../../zmtp/websocket/upgrade.ts"
import type { SocketOptions } from "../transport.ts"
import { Dealer } from "./socket/dealer.ts"
import { Pull } from "./socket/pull.ts"
import { Push } from "./socket/push.ts"
import { Router } from "./socket/router.ts"
import type { ZmtpTransportOptions } from "./zmtp-transport.ts"
import { ZmtpTransport } from "./zmtp-transport.ts"

const hello = (type: string) => concat([encodeGreeting("NULL"), encodeReady([["Socket-Type", utf8(type)]])])
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** Something that listens, with an honest client that it knows. */
interface Listener {
  readonly address: string
  /** An honest peer's message goes through. */
  stands(): Promise<void>
  /** Why connections ended, in order. */
  readonly lost: string[]
}

async function host(address: string, options: SocketOptions & ZmtpTransportOptions = {}): Promise<Listener> {
  const { maxBufferedBytes, ...rest } = options
  const transport = new ZmtpTransport(maxBufferedBytes === undefined ? {} : { maxBufferedBytes })
  const lost: string[] = []
  let heard = 0
  const onDisconnect = (_: number, error?: Error) => lost.push(error?.message ?? "")
  const router = transport.router({ onBatch: batch => (heard += batch.count), onDisconnect }, rest)
  const publisher = transport.publisher({ onSubscribe() {}, onUnsubscribe() {}, onDisconnect }, rest)
  const puller = transport.puller({ onBatch() {}, onDisconnect }, rest)
  const bound = await transport.bind(address, { router, publisher, puller })
  ends.push(() => [router, publisher, puller].map(each => each.abort()))
  const bystander = transport.dealer({ onBatch() {} })
  await bystander.connect(bound.control, { signal: new AbortController().signal })
  ends.push(() => bystander.abort())
  return {
    address: bound.control,
    lost,
    stands: async () => {
      const before = heard
      bystander.send([utf8("still here")])
      await until("the bystander's message", () => heard > before)
    },
  }
}

function dial(address: string): Socket {
  const [, path] = /^ipc:\/\/(.*)$/.exec(address) ?? []
  const port = Number(/:(\d+)/.exec(address)?.[1])
  const socket = path === undefined ? connect({ port, host: "127.0.0.1" }) : connect({ path })
  socket.on("error", () => {})
  socket.resume()
  ends.push(() => socket.destroy())
  return socket
}

function connected(socket: Socket): Promise<void> {
  return new Promise(resolve => socket.once("connect", () => resolve()))
}
const isClosed = new WeakSet<Socket>()
async function closed(socket: Socket): Promise<void> {
  socket.once("close", () => isClosed.add(socket))
  await until("the end of a connection", () => isClosed.has(socket) || socket.destroyed)
}
async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

let names = 0
const carriers: readonly (readonly [string, () => string, Uint8Array])[] = [
  ["tcp", () => "tcp://127.0.0.1:0", hello("DEALER")],
  ["ipc", () => `ipc://${join(tmpdir(), `strangers-${process.pid}-${++names}.sock`)}`, hello("DEALER")],
  [
    "ws",
    () => "ws://127.0.0.1:0/zinc",
    utf8(encodeRequest({ path: "/zinc", host: "127.0.0.1", key: "dGhlIHNhbXBsZSBub25jZQ==", offers: ["ZWS2.0/NULL"] })),
  ],
]

describe.each(carriers)("strangers over %s", (_, address, opening) => {
  it("who say one octet at a time are cut off when the handshake's time is over", async () => {
    const { address: at, stands } = await host(address(), { handshakeTimeoutMs: 2_000 })
    const peer = dial(at)
    const gone = closed(peer)
    // Of a WebSocket request all at once, for that has a time of its own; of what follows never all.
    const slowly = opening.length > 150 ? fromHex("82 ff 00 00 00 00 00 00 01 00") : opening
    if (opening.length > 150) peer.write(opening)
    let said = 0
    const drip = systemClock.every(20, () => {
      // Ten octets of whatever it is, and then more of the same: too few to come to an end.
      const at = said++ % Math.min(30, slowly.length)
      peer.write(slowly.subarray(at, at + 1))
    })
    ends.push(() => drip.cancel())
    await gone
    await stands()
  })

  it("who say hello and go half away are gone, and nobody notices", async () => {
    const { address: at, stands } = await host(address(), { handshakeTimeoutMs: 20_000 })
    const peers = Array.from({ length: 20 }, () => dial(at))
    for (const [index, peer] of peers.entries()) peer.end(opening.subarray(0, (opening.length * index) / 20))
    await Promise.all(peers.map(closed))
    await stands()
  })
})

describe("a peer that goes half away", () => {
  it("and no longer reads is gone, with what waited for it", async () => {
    const push = new Push({ sendLimits: { messages: 0, bytes: 0 } })
    ends.push(() => push.close({ lingerMs: 0 }))
    const lost: number[] = []
    push.events.on("disconnected", event => lost.push(event.peer))
    const at = await push.bind("tcp://127.0.0.1:0")
    const deaf = dial(at)
    deaf.write(hello("PULL"))
    await until("the handshake", () => push.peers.length === 1)
    deaf.pause()
    for (let i = 0; i < 200; i++) push.send([new Uint8Array(100_000)])
    await until("a full connection", () => push.queued > 0)
    // It says that it will say no more, and stays.
    deaf.end()
    await until("its end", () => lost.length === 1)
    expect(push.queued).toBe(0)
  })
})

describe("too many strangers", () => {
  it("make room, oldest first, at a transport", async () => {
    const { address: at, stands } = await host("tcp://127.0.0.1:0", { maxPendingHandshakes: 3 })
    const peers: Socket[] = []
    for (let i = 0; i < 3; i++) {
      peers.push(dial(at))
      await connected(peers[i]!)
    }
    const honest = new ZmtpTransport().dealer({ onBatch() {} })
    ends.push(() => honest.abort())
    await honest.connect(at, { signal: new AbortController().signal })
    await closed(peers[0]!)
    await stands()
    expect(peers.slice(1).map(each => each.destroyed)).toEqual([false, false])
  })

  it("make room, oldest first, at a socket, with an event", async () => {
    const router = new Router({ maxPendingHandshakes: 2 })
    ends.push(() => router.close({ lingerMs: 0 }))
    const failed: string[] = []
    router.events.on("handshakeFailed", event => failed.push(event.error.code))
    const at = await router.bind("tcp://127.0.0.1:0")
    const peers: Socket[] = []
    for (let i = 0; i < 2; i++) {
      peers.push(dial(at))
      await connected(peers[i]!)
    }
    const dealer = new Dealer()
    ends.push(() => dealer.close({ lingerMs: 0 }))
    dealer.connect(at)
    dealer.send([utf8("hello")])
    expect((await router.receive())?.length).toBe(2)
    await closed(peers[0]!)
    expect(failed).toEqual(["Full"])
    expect(peers[1]!.destroyed).toBe(false)
  })

  it("is no number below one", () => {
    expect(() => new Pull({ maxPendingHandshakes: 0 })).toThrow(expect.objectContaining({ code: "BadOption" }))
    const transport = new ZmtpTransport()
    expect(() => transport.puller({ onBatch() {} }, { maxPendingHandshakes: Number.NaN })).toThrow(
      expect.objectContaining({ code: "BadOption" }),
    )
  })
})

describe("what all connections hold together", () => {
  /** A frame that promises 600,000 octets and brings some. */
  const unfinished = (bytes: number) => concat([fromHex("02 00000000000927c0"), new Uint8Array(bytes)])

  it("is bounded: who holds most of what has not come whole is closed, others are served on", async () => {
    const { address: at, stands, lost } = await host("tcp://127.0.0.1:0", { maxBufferedBytes: 2_000_000 })
    const peers = [300_000, 500_000, 400_000].map(bytes => {
      const peer = dial(at)
      peer.write(concat([hello("DEALER"), unfinished(bytes)]))
      return peer
    })
    const greedy = dial(at)
    greedy.write(concat([hello("PUSH"), unfinished(599_000)]))
    await until("one to be closed", () => lost.length > 0)
    await stands()
    expect(lost).toHaveLength(1)
    expect(lost[0]).toContain("more than any other")
    expect(lost[0]).toContain("maxBufferedBytes")
    await until("its end", () => [...peers, greedy].some(each => each.destroyed))
  })

  it("counts what waits for those who do not read", async () => {
    const transport = new ZmtpTransport({ maxBufferedBytes: 8_000_000 })
    const lost: string[] = []
    const publisher = transport.publisher(
      {
        onSubscribe() {},
        onUnsubscribe() {},
        onDisconnect: (_, error) => lost.push((error as { code?: string }).code!),
      },
      { sendLimits: { messages: 0, bytes: 0 } },
    )
    const router = transport.router({ onBatch() {} })
    const puller = transport.puller({ onBatch() {} })
    const { publish } = await transport.bind("tcp://127.0.0.1:0", { router, publisher, puller })
    ends.push(() => [router, publisher, puller].map(each => each.abort()))
    let heard = 0
    const honest = transport.subscriber({ onBatch: batch => (heard += batch.count) })
    ends.push(() => honest.abort())
    honest.subscribe(utf8(""))
    await honest.connect(publish, { signal: new AbortController().signal })
    const deaf = dial(publish)
    deaf.write(concat([hello("SUB"), fromHex("04 0a 09 535542534352494245")]))
    deaf.pause()
    const random = new SeededRandom(1)
    let sent = 0
    while (lost.length === 0) {
      publisher.send([random.bytes(1_000)])
      sent++
      if (sent % 100 === 0) await new Promise(resolve => setImmediate(resolve))
      if (sent > 400_000) throw new Error("the deaf one was never closed")
    }
    expect(lost).toEqual(["Full"])
    const from = heard
    publisher.send([utf8("still here")])
    await until("the honest one's message", () => heard > from)
  })

  it("counts fragments of WebSocket", async () => {
    const { address: at, stands, lost } = await host("ws://127.0.0.1:0/zinc", { maxBufferedBytes: 1_000_000 })
    const ready = encodeReady([["Socket-Type", utf8("DEALER")]])
    const masked = (head: number, payload: Uint8Array) =>
      concat([Uint8Array.of(head, 0xfe, payload.length >>> 8, payload.length & 255, 0, 0, 0, 0), payload])
    const [, , opening] = carriers[2]!
    for (let i = 0; i < 3; i++) {
      const peer = dial(at)
      peer.write(opening)
      peer.write(concat([Uint8Array.of(0x82, 0x80 | (ready.length - 1), 0, 0, 0, 0, 2), ready.subarray(2)]))
      peer.write(concat(Array.from({ length: 8 }, (_, n) => masked(n === 0 ? 0x02 : 0x00, new Uint8Array(60_000)))))
    }
    await until("one to be closed", () => lost.length > 0)
    expect(lost[0]).toContain("maxBufferedBytes")
    await stands()
  })

  it("waits to be read within bounds: whoever sends more is paused, and goes on when there is room", async () => {
    const pull = new Pull({ receiveBytesMax: 200_000, receiveHighWaterMark: 0 })
    ends.push(() => pull.close({ lingerMs: 0 }))
    const at = await pull.bind("tcp://127.0.0.1:0")
    const pushed = 100
    const peers = Array.from({ length: 2 }, () => {
      const peer = dial(at)
      const frame = concat([fromHex("02 000000000000c350"), new Uint8Array(50_000)])
      peer.write(concat([hello("PUSH"), ...Array.from({ length: pushed }, () => frame)]))
      return peer
    })
    await until("both peers", () => pull.peers.length === 2)
    await until("the mark", () => pull.unreadBytes >= 200_000)
    // A turn of reads of one peer each may pass it, and no more.
    for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
    expect(pull.unreadBytes).toBeLessThan(200_000 + 2 * 350_000)
    for (let i = 0; i < 2 * pushed; i++) expect((await pull.receive())![0]).toHaveLength(50_000)
    expect(pull.unreadBytes).toBe(0)
    expect(peers.map(each => each.destroyed)).toEqual([false, false])
  })
})

/** Peers that mean harm, as raw TCP clients of a real host: each costs only its own connection. */
import { connect, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { concat, fromHex, fromUtf8, toHex, utf8 } from "../../core/bytes.ts"
import { SeededRandom } from "../../core/random.ts"
import { encodePing, encodeReady, encodeSubscribe } from "../../zmtp/command.ts"
import { encodeMessage } from "../../zmtp/frame.ts"
import { encodeGreeting } from "../../zmtp/greeting.ts"
import { turnBytes } from "../../zmtp/pacer.ts"
import { TcpCarrier } from "../carrier/tcp.ts"
import type { PublisherOptions } from "../transport.ts"
import { ZmtpTransport } from "./zmtp-transport.ts"

const greeting = encodeGreeting("NULL")
const ready = (type: string) => encodeReady([["Socket-Type", utf8(type)]])
const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

async function host(options: PublisherOptions = {}, onSubscribe: () => void = () => {}) {
  const transport = new ZmtpTransport({ carriers: [new TcpCarrier()] })
  const heard: string[] = []
  const lost: (string | undefined)[] = []
  const { guard: _, maxSubscriptionBytes: __, ...rest } = options
  const onDisconnect = (_connection: number, error?: Error) => lost.push(error?.message)
  const sockets = {
    router: transport.router(
      {
        onBatch: batch => {
          for (let i = 0; i < batch.count; i++) heard.push(fromUtf8(batch.frame(i, 0)))
        },
        onDisconnect,
      },
      rest,
    ),
    publisher: transport.publisher({ onSubscribe, onUnsubscribe() {}, onDisconnect }, options),
    puller: transport.puller({ onBatch() {}, onDisconnect }, rest),
  }
  const { control } = await transport.bind("tcp://127.0.0.1:0", sockets)
  ends.push(() => {
    for (const socket of Object.values(sockets)) socket.abort()
  })
  const bystander = transport.dealer({ onBatch() {} })
  await bystander.connect(control, { signal: new AbortController().signal })
  ends.push(() => bystander.abort())
  return {
    port: Number(control.split(":").at(-1)),
    lost,
    /** An honest peer's message goes through. */
    async stands() {
      const before = heard.length
      bystander.send([utf8("still here")])
      await until("the bystander's message", () => heard.length > before)
    },
  }
}

function raw(port: number): Socket & { readonly heard: Buffer[] } {
  const socket = Object.assign(connect({ port, host: "127.0.0.1" }), { heard: [] as Buffer[] })
  socket.on("data", chunk => socket.heard.push(chunk))
  socket.on("error", () => {})
  ends.push(() => socket.destroy())
  return socket
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the host did not close the connection")), 20_000)
    socket.once("close", () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await new Promise(resolve => setImmediate(resolve))
  }
}

describe("a host on a shared port", () => {
  it("refuses a missing or unfit socket type by ERROR, before it says READY", async () => {
    const { port, stands } = await host()
    for (const properties of [[], [["Socket-Type", utf8("PULL")] as const]]) {
      const peer = raw(port)
      peer.write(concat([greeting, encodeReady(properties)]))
      await closed(peer)
      const answer = concat(peer.heard).subarray(64)
      expect(fromUtf8(answer.subarray(3, 8))).toBe("ERROR")
    }
    await stands()
  })

  it("cuts off half a greeting and silence", async () => {
    // An honest peer has to shake hands within it too, on a busy machine.
    const { port, stands } = await host({ handshakeTimeoutMs: 1_000 })
    const peer = raw(port)
    peer.write(greeting.subarray(0, 20))
    await closed(peer)
    await stands()
  })

  it.each([
    ["a frame of 4 GiB", fromHex("02 0000000100000000")],
    ["a frame of eight EiB", fromHex("02 8000000000000000")],
    ["a command of 4 GiB", fromHex("06 0000000100000000")],
    ["endless MORE frames", new Uint8Array(100_000).map((_, i) => (i % 2 === 0 ? 1 : 0))],
    [
      "a message larger than allowed, in parts",
      concat(Array(20).fill(concat([fromHex("03 000000000000ea60"), new Uint8Array(60_000)]))),
    ],
  ])("cuts off %s", async (_, bytes) => {
    const { port, stands, lost } = await host({ maxMessageBytes: 1_000_000 })
    const peer = raw(port)
    peer.write(concat([greeting, ready("DEALER"), bytes]))
    await closed(peer)
    expect(lost).toHaveLength(1)
    expect(lost[0]).toContain("127.0.0.1")
    await stands()
  })

  it("cuts off deep, long and many subscriptions", async () => {
    const { port, stands } = await host({ maxSubscriptionBytes: 100_000 })
    const random = new SeededRandom(1)
    const greedy = [
      Array.from({ length: 3 }, (_, i) => encodeSubscribe(new Uint8Array(60_000).fill(i))),
      Array.from({ length: 2_000 }, () => encodeSubscribe(random.bytes(60))),
      [encodeSubscribe(new Uint8Array(70_000))],
      Array.from({ length: 3 }, (_, i) => encodeMessage([concat([Uint8Array.of(1), new Uint8Array(60_000).fill(i)])])),
    ]
    for (const subscriptions of greedy) {
      const peer = raw(port)
      peer.write(concat([greeting, ready("SUB"), ...subscriptions]))
      await closed(peer)
    }
    await stands()
  })

  it("takes no more than a few hundred subscriptions of a flood at once, and others' messages between them", async () => {
    let taken = 0
    let [before, most] = [0, 0]
    const { port, stands } = await host({}, () => void taken++)
    let looking = true
    const look = () => {
      most = Math.max(most, taken - before)
      before = taken
      if (looking) setImmediate(look)
    }
    look()
    ends.push(() => {
      looking = false
    })
    const count = 20_000
    const peer = raw(port)
    const all = Array.from({ length: count }, (_, i) => encodeSubscribe(utf8(`topic ${i}`)))
    peer.write(concat([greeting, ready("SUB"), ...all]))
    await until("the first subscriptions", () => taken > 0)
    await stands()
    expect(taken).toBeLessThan(count)
    await until("all subscriptions", () => taken === count)
    expect(most).toBeLessThanOrEqual((2 * turnBytes) / encodeSubscribe(utf8("topic 0")).length)
  })

  it("stands a flood of PINGs from a peer that does not read", async () => {
    const { port, stands } = await host()
    const peer = raw(port)
    peer.pause()
    peer.write(concat([greeting, ready("DEALER")]))
    const flood = concat(Array(5_000).fill(encodePing(0, new Uint8Array(16))))
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 100; i++) {
      await new Promise<void>(resolve => peer.write(flood, () => resolve()))
    }
    await stands()
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024)
  })

  it("stands random octets, from the first or after a handshake", async () => {
    const { port, stands } = await host({ handshakeTimeoutMs: 1_000 })
    const random = new SeededRandom(7)
    const peers = Array.from({ length: 60 }, (_, i) => {
      const peer = raw(port)
      if (i % 3 > 0) peer.write(concat([greeting, ready(["DEALER", "SUB", "PUSH"][(i % 9) % 3]!)]))
      peer.write(random.bytes(1 + random.below(2_000)))
      peer.end()
      return closed(peer)
    })
    await Promise.all(peers)
    await stands()
  })

  it("answers a libzmq 4.3.4 that forgets LONG on a long SUBSCRIBE (S5)", async () => {
    const { port, stands, lost } = await host()
    const peer = raw(port)
    const body = concat([fromHex("09 535542534352494245"), new Uint8Array(250).fill(0x41)])
    peer.write(concat([greeting, ready("SUB"), fromHex("04 0000000000000104"), body, encodePing(0, utf8("then"))]))
    await until("the answer to a PING after it", () => toHex(concat(peer.heard)).includes(toHex(utf8("then"))))
    expect(lost).toEqual([])
    await stands()
  })
})

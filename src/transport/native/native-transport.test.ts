import { describe, expect, it } from "vitest"
import { utf8 } from "../../core/bytes.ts"
import { deferred } from "../../core/deferred.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import type { HostSockets } from "../transport.ts"
import { loadZeromq } from "./load-zeromq.ts"
import { NativeTransport } from "./native-transport.ts"
import { SendQueue } from "./send-queue.ts"

const never = new AbortController().signal

async function host(native: NativeTransport, onControl: (batch: FrameBatch) => void = () => {}) {
  const sockets: HostSockets = {
    router: native.router({ onBatch: onControl }),
    publisher: native.publisher({ onSubscribe() {}, onUnsubscribe() {} }),
    puller: native.puller({ onBatch() {} }),
  }
  return { ...sockets, addresses: await native.bind("tcp://127.0.0.1:0", sockets) }
}

describe("NativeTransport", () => {
  it("says what to install when the package is missing", async () => {
    await expect(loadZeromq("zeromq-that-is-not-installed")).rejects.toMatchObject({
      code: "MissingPackage",
      message: expect.stringContaining("npm install zeromq"),
    })
  })

  it("tells dialled sockets that the connection is lost, though the bound side is told nothing", async () => {
    const native = await NativeTransport.open()
    const bound = await host(native)
    const lost = deferred<void>()
    const dealer = native.dealer({ onBatch() {}, onDisconnect: () => lost.resolve() })
    await dealer.connect(bound.addresses.control, { signal: never })
    bound.router.abort()
    await lost.promise
    expect(dealer.send([utf8("x")])).toBe(false)
    for (const socket of [dealer, bound.publisher, bound.puller]) socket.abort()
  })

  it("learns from a failed send that a peer has gone", async () => {
    const native = await NativeTransport.open()
    const heard = deferred<number>()
    const bound = await host(native, batch => heard.resolve(batch.connection))
    const dealer = native.dealer({ onBatch() {} })
    await dealer.connect(bound.addresses.control, { signal: never })
    dealer.send([utf8("hello")])
    const connection = await heard.promise
    dealer.abort()
    await expect.poll(() => bound.router.send(connection, [utf8("x")]), { timeout: 20_000 }).toBe(false)
    for (const socket of [bound.router, bound.publisher, bound.puller]) socket.abort()
  })

  it("reports what it cannot do as Unsupported", async () => {
    const native = await NativeTransport.open()
    const publisher = native.publisher({ onSubscribe() {}, onUnsubscribe() {} })
    expect(() => publisher.sendTo(1, [utf8("x")])).toThrow(expect.objectContaining({ code: "Unsupported" }))
    expect(() => publisher.grant(1, () => true)).toThrow(expect.objectContaining({ code: "Unsupported" }))
    publisher.abort()
  })
})

describe("SendQueue", () => {
  it("keeps order and counts through many messages", () => {
    const queue = new SendQueue({ messages: 5_000 })
    let next = 0
    for (let i = 0; i < 20_000; i++) {
      expect(queue.push([utf8(String(i))])).toBe(true)
      if (i % 4 !== 0) expect(queue.shift()).toEqual([utf8(String(next++))])
      if (queue.size > 4_000) while (queue.size > 10) expect(queue.shift()).toEqual([utf8(String(next++))])
    }
    while (queue.size > 0) expect(queue.shift()).toEqual([utf8(String(next++))])
    expect(next).toBe(20_000)
    expect(queue.bytes).toBe(0)
  })

  it("refuses at its limits and tells once of room when half is gone", () => {
    const queue = new SendQueue({ messages: 4, bytes: 0 })
    for (let i = 0; i < 4; i++) expect(queue.push([utf8("x")])).toBe(true)
    expect(queue.takeRoom()).toBe(false)
    expect(queue.push([utf8("x")])).toBe(false)
    queue.shift()
    expect(queue.takeRoom()).toBe(false)
    queue.shift()
    expect(queue.takeRoom()).toBe(true)
    expect(queue.takeRoom()).toBe(false)
  })

  it("copies short frames, Buffers too, and keeps long ones", () => {
    const queue = new SendQueue(undefined)
    const short = Buffer.from("short")
    const long = new Uint8Array(200).fill(1)
    queue.push([short, long])
    short.fill(0)
    expect(queue.peek()![0]).toEqual(utf8("short"))
    expect(queue.peek()![1]).toBe(long)
  })
})

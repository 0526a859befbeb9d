/** Hostile and clumsy peers at a WebSocket port: each costs itself only, and holds nothing for long. */
import { connect, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { Pull, Push } from "../zmtp/index.ts"
import { WebSocketCarrier, type WebSocketCarrierOptions } from "./websocket.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function pullAt(options: WebSocketCarrierOptions = {}, path = "") {
  const carriers = [new WebSocketCarrier(options)]
  const pull = new Pull({ carriers, lingerMs: 0, handshakeTimeoutMs: 5_000 })
  closers.push(() => pull.close())
  const address = await pull.bind(`ws://127.0.0.1:0${path}`)
  return { pull, address, port: Number(/:(\d+)/.exec(address.slice(5))![1]) }
}

/** A socket that says what it likes. `gone` resolves with all it heard when the other side has closed. */
function raw(port: number): { socket: Socket; gone: Promise<string>; heard: (text: string) => Promise<void> } {
  const socket = connect(port, "127.0.0.1")
  closers.push(() => socket.destroy())
  let all = ""
  let look = () => {}
  socket.on("data", chunk => {
    all += chunk.toString("latin1")
    look()
  })
  socket.on("error", () => {})
  const gone = new Promise<string>(resolve => socket.on("close", () => resolve(all)))
  const heard = (text: string) =>
    new Promise<void>(resolve => {
      look = () => {
        if (all.includes(text)) resolve()
      }
      look()
    })
  return { socket, gone, heard }
}

const request = (path = "/", more = "", offers = "ZWS2.0/NULL") =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n${more}` +
  `Sec-WebSocket-Protocol: ${offers}\r\n\r\n`

/** A masked frame, with a mask of zeros. */
const frame = (first: number, body: Uint8Array) =>
  Buffer.concat([Buffer.from([first, 0x80 | body.length, 0, 0, 0, 0]), body])

async function serves(pull: Pull, address: string): Promise<void> {
  const push = new Push({ lingerMs: 0 })
  closers.push(() => push.close())
  push.connect(address)
  push.send([Buffer.from("still served")])
  expect(Buffer.from((await pull.receive())![0]!).toString()).toBe("still served")
}

describe("A WebSocket port", () => {
  it("closes on one who never ends its request, and serves others meanwhile", async () => {
    const { pull, address, port } = await pullAt({ upgradeTimeoutMs: 300 })
    const slow = raw(port)
    slow.socket.write("GET / HTTP/1.1\r\nX: ")
    const drip = setInterval(() => slow.socket.write("x"), 20)
    closers.push(() => clearInterval(drip))
    await serves(pull, address)
    expect(await slow.gone).toBe("")
  })

  it("closes the oldest of too many who have not asked yet", async () => {
    const { pull, address, port } = await pullAt({ maxPendingUpgrades: 3 })
    const idle = [raw(port)]
    await new Promise(resolve => idle[0]!.socket.once("connect", resolve))
    for (let i = 0; i < 3; i++) {
      idle.push(raw(port))
      await new Promise(resolve => idle.at(-1)!.socket.once("connect", resolve))
    }
    await idle[0]!.gone
    await serves(pull, address)
  })

  it.each([
    ["an endless head", () => `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}`, "431"],
    ["no upgrade", () => "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "426"],
    ["another path", () => request("/elsewhere"), "404"],
    ["no protocol of ours", () => request("/a", "", "chat"), "400"],
    ["CURVE, where there is none", () => request("/a", "", "ZWS2.0/CURVE"), "400"],
    ["a page from elsewhere", () => request("/a", "Origin: https://evil.example\r\n"), "403"],
  ])("answers %s with a number, and closes", async (_, text, status) => {
    const { pull, address, port } = await pullAt({}, "/a")
    const peer = raw(port)
    peer.socket.write(text())
    expect(await peer.gone).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    await serves(pull, address)
  })

  it("lets pages in from its own machine, or from where it was told", async () => {
    const own = await pullAt()
    const near = raw(own.port)
    near.socket.write(request("/", "Origin: http://127.0.0.1:3000\r\n"))
    await near.heard("101 Switching Protocols")
    const listed = await pullAt({ origins: ["https://app.example"] })
    const far = raw(listed.port)
    far.socket.write(request("/", "Origin: https://app.example\r\n"))
    await far.heard("101 Switching Protocols")
  })

  it.each([
    ["text", Buffer.from([0x81, 0x81, 0, 0, 0, 0, 65])],
    ["no mask", Buffer.from([0x82, 0x01, 0])],
    ["a frame of 2⁶² octets", Buffer.from([0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    ["a message beyond the limit, by its head alone", Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    ["a message before its READY", frame(0x82, Buffer.from("\0early"))],
  ])("closes on %s, and serves the others on", async (_, bytes) => {
    const { pull, address, port } = await pullAt()
    const peer = raw(port)
    peer.socket.write(request())
    await peer.heard("\r\n\r\n")
    peer.socket.write(bytes)
    await peer.gone
    await serves(pull, address)
  })

  it("answers PING with its octets, and a Close by one", async () => {
    const { port } = await pullAt()
    const peer = raw(port)
    peer.socket.write(request())
    await peer.heard("\r\n\r\n")
    peer.socket.write(frame(0x89, Buffer.from("hello")))
    await peer.heard("\x8a\x05hello")
    peer.socket.write(frame(0x88, Buffer.from([3, 232])))
    expect(await peer.gone).toContain("\x88\x02\x03\xe8")
  })

  it("keeps no more than the newest answer for one who asks and does not read", async () => {
    const { pull, address, port } = await pullAt()
    const peer = raw(port)
    peer.socket.write(request())
    await peer.heard("\r\n\r\n")
    peer.socket.pause()
    const pings = Buffer.concat(Array.from({ length: 2_000 }, () => frame(0x89, Buffer.alloc(125, 1))))
    const before = process.memoryUsage().rss
    // More answers than the system's buffers hold: without a limit all of them would wait here.
    for (let i = 0; i < 100; i++) {
      if (!peer.socket.write(pings)) await new Promise(resolve => peer.socket.once("drain", resolve))
    }
    await serves(pull, address)
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024)
  })

  it("takes messages in fragments up to a limit", async () => {
    const { pull, port } = await pullAt({ maxFragmentedBytes: 1_000 })
    const peer = raw(port)
    peer.socket.write(request())
    await peer.heard("\r\n\r\n")
    peer.socket.write(frame(0x82, Buffer.from("\x02\x05READY\x0bSocket-Type\0\0\0\x04PUSH")))
    await peer.heard("READY")
    peer.socket.write(Buffer.concat([frame(0x02, Buffer.from("\0one ")), frame(0x80, Buffer.from("whole"))]))
    expect(Buffer.from((await pull.receive())![0]!).toString()).toBe("one whole")
    for (let i = 0; i < 20; i++) peer.socket.write(frame(i === 0 ? 0x02 : 0x00, Buffer.alloc(100)))
    await peer.gone
  })

  it("serves several addresses by path, and frees each by itself", async () => {
    const carrier = new WebSocketCarrier()
    const taken: string[] = []
    const one = await carrier.listen("ws://127.0.0.1:0/one", stream => {
      taken.push("one")
      stream.destroy()
    })
    const second = one.address.replace("/one", "/two")
    const two = await carrier.listen(second, stream => {
      taken.push("two")
      stream.destroy()
    })
    await expect(carrier.listen(second, () => {})).rejects.toMatchObject({ code: "AddressInUse" })
    const port = Number(/:(\d+)/.exec(one.address.slice(5))![1])
    for (const path of ["/two", "/one"]) {
      const peer = raw(port)
      peer.socket.write(request(path))
      await peer.gone
    }
    expect(taken).toEqual(["two", "one"])
    await one.close()
    const late = raw(port)
    late.socket.write(request("/one"))
    expect(await late.gone).toMatch(/^HTTP\/1.1 404/)
    await two.close()
  })

  it("wants a certificate for wss://", async () => {
    await expect(new WebSocketCarrier().listen("wss://127.0.0.1:0", () => {})).rejects.toMatchObject({
      code: "BadOption",
    })
  })
})

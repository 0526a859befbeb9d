/** ZWS 2.0 with libzmq (through npm zeromq) and jszmq at the other end, and several sockets at one port. */
import { once } from "node:events"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { Dealer, Pub, Pull, Push, Router, Sub } from "../../src/transport/zmtp/index.ts"
import { curveClient, curveServer, keyText, makeKeyPair } from "../../src/zmtp/index.ts"
import { nextEvent, receiveText, within } from "./our-socket.ts"
import { PeerProcess } from "./peer-process.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
function closing<T extends { close(): unknown }>(thing: T): T {
  closers.push(() => thing.close())
  return thing
}
const hex = (text: string) => Buffer.from(text).toString("hex")
const text = (hexText: string | undefined) => Buffer.from(hexText ?? "", "hex").toString()
const ws = "ws://127.0.0.1"
const sizes = [[0], [1, 125], [126, 255], [256], [65_534, 65_535], [65_536, 300_000], [100, 0, 7]]

describe("npm libzmq over WebSocket", () => {
  let peer: PeerProcess
  let names = 0
  const name = () => `web-${++names}`
  beforeAll(async () => {
    peer = await PeerProcess.start("npm")
  })
  afterAll(() => peer.stop())

  it("dials our ROUTER, and frames of every size come and go", async () => {
    const router = closing(new Router({ lingerMs: 0 }))
    const socket = name()
    await peer.connect(socket, "DEALER", await router.bind(`${ws}:0/some/path`))
    await peer.send(socket, { seed: "up", messages: sizes })
    for (const expected of sizes) {
      const [from, ...frames] = (await within(10_000, "a message", router.receive()))!
      expect(frames.map(each => each.length)).toEqual(expected)
      router.send([from!, ...frames])
    }
    const back = await peer.receive(socket, sizes.length)
    expect(back.messages.map(frames => frames.map(each => Number(each.split(":")[0])))).toEqual(sizes)
  })

  it("is dialled by our DEALER, and frames of every size come and go", async () => {
    const socket = name()
    const address = await peer.bind(socket, "ROUTER", `${ws}:0`)
    const dealer = closing(new Dealer({ lingerMs: 0, identity: Buffer.from("me") }))
    dealer.connect(address)
    for (const frames of sizes) dealer.send(frames.map(size => Buffer.alloc(size, "x")))
    expect(await peer.echo(socket, sizes.length)).toBe(sizes.length)
    for (const expected of sizes) {
      const frames = (await within(10_000, "a message", dealer.receive()))!
      expect(frames.map(each => each.length)).toEqual(expected)
    }
  })

  it("subscribes at our PUB, by messages", async () => {
    const pub = closing(new Pub({ lingerMs: 0 }))
    const socket = name()
    await peer.connect(socket, "SUB", await pub.bind(`${ws}:0`), { subscribe: [hex("a")] })
    const received = peer.receive(socket, 1, { plain: true })
    const beat = setInterval(() => {
      pub.send([Buffer.from("b")])
      pub.send([Buffer.from("abc"), Buffer.from("2")])
    }, 20)
    expect((await received).messages[0]!.map(text)).toEqual(["abc", "2"])
    clearInterval(beat)
  })

  it("is subscribed at by our SUB", async () => {
    const socket = name()
    const address = await peer.bind(socket, "PUB", `${ws}:0`)
    const sub = closing(new Sub({ lingerMs: 0 }))
    sub.subscribe(Buffer.from("x"))
    const connected = nextEvent(sub, "connected")
    sub.connect(address)
    await connected
    let done = false
    const first = receiveText(sub, 1).finally(() => {
      done = true
    })
    while (!done)
      await peer.send(socket, { frames: [hex("y")] }).then(() => peer.send(socket, { frames: [hex("xyz")] }))
    expect(await first).toEqual(["xyz"])
  })

  it("answers our heartbeats, and we answer its", async () => {
    const pull = closing(new Pull({ lingerMs: 0, heartbeat: { intervalMs: 40, timeoutMs: 5_000 } }))
    const socket = name()
    await peer.connect(socket, "PUSH", await pull.bind(`${ws}:0`), {
      options: { HEARTBEAT_IVL: 40, HEARTBEAT_TIMEOUT: 5_000 },
    })
    await peer.send(socket, { frames: [hex("one")] })
    expect(await receiveText(pull, 1)).toEqual(["one"])
    await new Promise(resolve => setTimeout(resolve, 400))
    await peer.send(socket, { frames: [hex("two")] })
    expect(await receiveText(pull, 1)).toEqual(["two"])
    expect(pull.peers.length).toBe(1)
  })

  it("speaks CURVE over WebSocket, both ways", async () => {
    const server = makeKeyPair()
    const client = makeKeyPair()
    const pull = closing(new Pull({ lingerMs: 0, security: curveServer({ secretKey: server.secretKey }) }))
    const theirs = name()
    await peer.connect(theirs, "PUSH", await pull.bind(`${ws}:0`), {
      options: {
        CURVE_SERVERKEY: keyText(server.publicKey),
        CURVE_PUBLICKEY: keyText(client.publicKey),
        CURVE_SECRETKEY: keyText(client.secretKey),
      },
    })
    await peer.send(theirs, { frames: [hex("covered"), hex("x".repeat(70_000))] })
    const [first, second] = (await within(10_000, "a message", pull.receive()))!
    expect([Buffer.from(first!).toString(), second!.length]).toEqual(["covered", 70_000])

    const bound = name()
    const options = { CURVE_SERVER: true, CURVE_SECRETKEY: keyText(server.secretKey) }
    const push = closing(new Push({ lingerMs: 0, security: curveClient({ serverKey: server.publicKey }) }))
    push.connect(await peer.bind(bound, "PULL", `${ws}:0`, { options }))
    push.send([Buffer.from("covered too")])
    expect((await peer.receive(bound, 1, { plain: true })).messages[0]!.map(text)).toEqual(["covered too"])
  })
})

describe("jszmq", () => {
  interface JsSocket {
    connect(address: string): void
    subscribe(topic: string): void
    send(message: unknown): void
    close(): void
    on(event: string, listener: (...frames: Buffer[]) => void): void
    once(event: string, listener: (...frames: Buffer[]) => void): void
  }
  const jszmq = async () =>
    (await import("jszmq")).default as unknown as Record<"Dealer" | "Sub" | "Push", new () => JsSocket>

  it("dials our ROUTER at one path and our PUB at another, on one port", async () => {
    const js = await jszmq()
    const router = closing(new Router({ lingerMs: 0 }))
    const pub = closing(new Pub({ lingerMs: 0 }))
    const first = await router.bind(`${ws}:0/router`)
    const second = await pub.bind(first.replace("/router", "/pub"))
    expect(second).toBe(first.replace("/router", "/pub"))

    const dealer = closing(new js.Dealer())
    const back = once(dealer as never, "message")
    dealer.connect(first)
    dealer.send(["ping", Buffer.alloc(70_000, 1)])
    const [from, ping, large] = (await within(10_000, "a message", router.receive()))!
    expect([Buffer.from(ping!).toString(), large!.length]).toEqual(["ping", 70_000])
    router.send([from!, Buffer.from("pong")])
    expect(((await within(10_000, "the answer", back)) as Buffer[]).map(String)).toEqual(["pong"])

    const sub = closing(new js.Sub())
    const news = once(sub as never, "message")
    sub.subscribe("a")
    sub.connect(second)
    const beat = setInterval(() => pub.send([Buffer.from("abc")]), 20)
    expect(((await within(10_000, "news", news)) as Buffer[]).map(String)).toEqual(["abc"])
    clearInterval(beat)
  })
})

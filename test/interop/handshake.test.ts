/** The greeting and the handshake with peers written by hand, and what we do when they go wrong. */
import { afterEach, describe, expect, it } from "vitest"
import { Dealer, Pull, Push, type Router } from "../../src/transport/zmtp/index.ts"
import { nextEvent, receiveText } from "./our-socket.ts"
import { PeerProcess, peerKinds } from "./peer-process.ts"
import { command, frame, greeting, RawListener, RawPeer, ready } from "./raw-peer.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
function closing<T extends { close(): unknown }>(thing: T): T {
  closers.push(() => thing.close())
  return thing
}
async function rawTo(socket: Pull | Router): Promise<RawPeer> {
  const peer = await RawPeer.connect(await socket.bind("tcp://127.0.0.1:0"))
  closers.push(() => peer.destroy())
  return peer
}
const fast = { initialMs: 1, maxMs: 5 }

describe("Greeting", () => {
  it("leaves unprompted, and is taken an octet at a time", async () => {
    const pull = closing(new Pull({ lingerMs: 0 }))
    const peer = await rawTo(pull)
    expect((await peer.next("their READY")).body.subarray(0, 6).toString("latin1")).toBe("\x05READY")
    expect([peer.theirs![0], peer.theirs![9]! & 1]).toEqual([0xff, 1])
    expect(peer.theirs!.subarray(10)).toEqual(greeting().subarray(10))
    for (const octet of greeting()) {
      peer.send(Buffer.from([octet]))
      await new Promise(resolve => setImmediate(resolve))
    }
    peer.send(ready({ "Socket-Type": "PUSH" }), frame(0, Buffer.from("through")))
    expect(await receiveText(pull, 1)).toEqual(["through"])
  })

  for (const [major, minor] of [
    [3, 0],
    [3, 9],
    [4, 0],
  ] as const) {
    it(`of version ${major}.${minor} is accepted`, async () => {
      const pull = closing(new Pull({ lingerMs: 0 }))
      const peer = await rawTo(pull)
      peer.send(greeting(major, minor), ready({ "Socket-Type": "PUSH" }))
      await peer.next("their READY")
      peer.send(frame(0, Buffer.from("through")))
      expect(await receiveText(pull, 1)).toEqual(["through"])
    })
  }

  it("with another mechanism closes the connection, and is not dialled again", async () => {
    const listener = closing(await RawListener.open())
    const push = closing(new Push({ lingerMs: 0, reconnect: fast }))
    const failed = nextEvent(push, "handshakeFailed")
    push.connect(listener.address)
    const peer = await listener.accept()
    peer.send(greeting(3, 1, "CURVE"))
    const { error, retry } = await failed
    expect(error.code).toBe("HandshakeFailed")
    expect(retry).toBe(false)
    await peer.closed()
  })

  it("that never comes costs the peer its connection when the handshake's time is up", async () => {
    const pull = closing(new Pull({ lingerMs: 0, handshakeTimeoutMs: 50 }))
    const failed = nextEvent(pull, "handshakeFailed")
    const peer = await rawTo(pull)
    expect((await failed).error.code).toBe("Timeout")
    await peer.closed()
  })
})

describe("Handshake", () => {
  it("sends nothing but READY before the peer's READY is here", async () => {
    const listener = closing(await RawListener.open())
    const push = closing(new Push({ lingerMs: 0 }))
    push.send([Buffer.from("too early")])
    push.connect(listener.address)
    push.send([Buffer.from("early")])
    const peer = await listener.accept()
    peer.send(greeting())
    expect((await peer.next()).body.toString("latin1")).toContain("READY")
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
    expect(peer.frames).toEqual([])
    peer.send(ready({ "Socket-Type": "PULL" }))
    expect((await peer.next()).body.toString()).toBe("early")
  })

  it("says Socket-Type always, and Identity where the type has one", async () => {
    const listener = closing(await RawListener.open())
    const dealer = closing(new Dealer({ lingerMs: 0, identity: Buffer.from("me") }))
    dealer.connect(listener.address)
    const theirs = await (await listener.accept()).next("READY")
    expect(theirs.flags).toBe(4)
    expect(theirs.body.toString("latin1")).toBe(
      "\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x02me",
    )
  })

  it("lets a peer pass that does not say its type, as libzmq does", async () => {
    const pull = closing(new Pull({ lingerMs: 0 }))
    const peer = await rawTo(pull)
    peer.send(greeting(), ready({}))
    await peer.next("their READY")
    peer.send(frame(0, Buffer.from("anonymous")))
    expect(await receiveText(pull, 1)).toEqual(["anonymous"])
  })

  it("refuses a type that we cannot talk to, and does not dial it again", async () => {
    const listener = closing(await RawListener.open())
    const push = closing(new Push({ lingerMs: 0, reconnect: fast }))
    const failed = nextEvent(push, "handshakeFailed")
    push.connect(listener.address)
    const peer = await listener.accept()
    peer.send(greeting(), ready({ "Socket-Type": "PUB" }))
    const { error, retry } = await failed
    expect(error.code).toBe("HandshakeFailed")
    expect(error.message).toContain("PUB")
    expect(retry).toBe(false)
    await peer.closed()
  })

  it("takes ERROR for an answer, and does not dial again", async () => {
    const listener = closing(await RawListener.open())
    const push = closing(new Push({ lingerMs: 0, reconnect: fast }))
    const failed = nextEvent(push, "handshakeFailed")
    push.connect(listener.address)
    const peer = await listener.accept()
    peer.send(greeting(), command("ERROR", Buffer.from("\x03400", "latin1")))
    const { error, retry } = await failed
    expect(error.message).toContain("400")
    expect(retry).toBe(false)
  })

  it("dials again after a close, and after silence", async () => {
    const listener = closing(await RawListener.open())
    const push = closing(new Push({ lingerMs: 0, reconnect: fast, handshakeTimeoutMs: 1_000 }))
    push.connect(listener.address)
    ;(await listener.accept()).destroy()
    const silent = await listener.accept()
    await silent.closed()
    await (await listener.accept()).shakeHands("PULL")
    push.send([Buffer.from("at last")])
  })

  it("ignores what is no part of traffic: unknown commands, a second READY, a late ERROR", async () => {
    const pull = closing(new Pull({ lingerMs: 0 }))
    const peer = await (await rawTo(pull)).shakeHands("PUSH")
    peer.send(command("NONSENSE", Buffer.from("x")), ready({ "Socket-Type": "PUB" }), command("ERROR"))
    peer.send(frame(4, Buffer.alloc(0)), frame(0x40, Buffer.from("reserved bits are ignored")))
    expect(await receiveText(pull, 1)).toEqual(["reserved bits are ignored"])
  })

  it("closes on a frame whose size has its top bit set", async () => {
    const pull = closing(new Pull({ lingerMs: 0 }))
    const peer = await (await rawTo(pull)).shakeHands("PUSH")
    peer.send(Buffer.from([2, 0x80, 0, 0, 0, 0, 0, 0, 1]))
    await peer.closed()
  })

  it("closes on a message beyond our limit, by its header alone, and serves the others on", async () => {
    const pull = closing(new Pull({ lingerMs: 0, maxMessageBytes: 1_000 }))
    const address = await pull.bind("tcp://127.0.0.1:0")
    const good = await (await RawPeer.connect(address)).shakeHands("PUSH")
    const bad = await (await RawPeer.connect(address)).shakeHands("PUSH")
    closers.push(() => good.destroy())
    bad.send(Buffer.from([2, 0, 0, 0, 1, 0, 0, 0, 0]))
    await bad.closed()
    good.send(frame(0, Buffer.alloc(1_000, 0x61)))
    expect(await receiveText(pull, 1)).toEqual(["a".repeat(1_000)])
  })
})

for (const kind of peerKinds) {
  describe(`Handshake with ${kind} libzmq`, () => {
    it("of a wrong type ends, and costs nobody else anything", async () => {
      const theirs = await PeerProcess.start(kind)
      closers.push(() => theirs.stop())
      const address = await theirs.bind("pub", "PUB", "tcp://127.0.0.1:*")
      const push = closing(new Push({ lingerMs: 0, reconnect: fast }))
      const failed = nextEvent(push, "handshakeFailed")
      push.connect(address)
      // libzmq closes without a word, so we may know no better than that it closed.
      await failed

      const pull = closing(new Pull({ lingerMs: 0 }))
      const ours = await pull.bind("tcp://127.0.0.1:0")
      const refused = nextEvent(pull, "handshakeFailed")
      await theirs.connect("sub", "SUB", ours)
      await refused
      await theirs.connect("push", "PUSH", ours)
      await theirs.send("push", { frames: [Buffer.from("fine").toString("hex")] })
      expect(await receiveText(pull, 1)).toEqual(["fine"])
    })
  })
}

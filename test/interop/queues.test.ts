/** Who waits and who drops: queues before, between and after connections. */
import { afterEach, describe, expect, it } from "vitest"
import { Dealer, Pull, Push, Router, Sub, XPub } from "../../src/transport/zmtp/index.ts"
import { nextEvent, receiveText } from "./our-socket.ts"
import { PeerProcess, peerKinds } from "./peer-process.ts"
import { RawListener, RawPeer } from "./raw-peer.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
function closing<T extends { close(): unknown }>(thing: T): T {
  closers.push(() => thing.close())
  return thing
}
const text = (value: string) => [Buffer.from(value)]
const hex = (value: string) => Buffer.from(value).toString("hex")

/** An address where nobody listens. */
async function nobody(): Promise<string> {
  const listener = await RawListener.open()
  listener.close()
  return listener.address
}

describe("A dialled PUSH", () => {
  it("has a queue before it has a connection, as long as its limit", async () => {
    const push = closing(new Push({ lingerMs: 0, sendLimits: { messages: 2 } }))
    expect(push.send(text("no address yet"))).toBe(false)
    push.connect(await nobody())
    expect([push.send(text("1")), push.send(text("2")), push.send(text("3"))]).toEqual([true, true, false])
  })

  it("has none with immediate", async () => {
    const push = closing(new Push({ lingerMs: 0, immediate: true }))
    push.connect(await nobody())
    expect(push.send(text("1"))).toBe(false)
  })

  it("drops its queue with the connection only with immediate", async () => {
    for (const immediate of [false, true]) {
      const listener = closing(await RawListener.open())
      const push = closing(new Push({ lingerMs: 0, immediate, reconnect: { initialMs: 1, maxMs: 5 } }))
      const connected = nextEvent(push, "connected")
      push.connect(listener.address)
      const first = await (await listener.accept()).shakeHands("PULL")
      await connected
      const lost = nextEvent(push, "disconnected")
      first.destroy()
      await lost
      expect(push.send(text("kept"))).toBe(!immediate)
      const again = nextEvent(push, "connected")
      const second = await (await listener.accept()).shakeHands("PULL")
      await again
      push.send(text("new"))
      const seen = [(await second.next()).body.toString()]
      if (!immediate) seen.push((await second.next()).body.toString())
      expect(seen).toEqual(immediate ? ["new"] : ["kept", "new"])
    }
  })

  it("takes turns among those with room", async () => {
    const push = closing(new Push({ lingerMs: 0 }))
    const pulls = [closing(new Pull({ lingerMs: 0 })), closing(new Pull({ lingerMs: 0 }))]
    for (const pull of pulls) {
      const connected = nextEvent(push, "connected")
      push.connect(await pull.bind("tcp://127.0.0.1:0"))
      await connected
    }
    for (let i = 0; i < 6; i++) push.send(text(`${i}`))
    expect(await receiveText(pulls[0]!, 3)).toEqual(["0", "2", "4"])
    expect(await receiveText(pulls[1]!, 3)).toEqual(["1", "3", "5"])
  })
})

describe("A bound DEALER", () => {
  it("takes nothing while it has no peer", async () => {
    const dealer = closing(new Dealer({ lingerMs: 0 }))
    await dealer.bind("tcp://127.0.0.1:0")
    // Unlike a dialled one it has no queue ahead: a bind makes one with each handshake. What waits for nobody is refused.
    expect(dealer.send(text("1"))).toBe(false)
  })
})

describe("A PULL", () => {
  it("serves its peers in turn", async () => {
    const pull = closing(new Pull({ lingerMs: 0 }))
    const address = await pull.bind("tcp://127.0.0.1:0")
    const pushes = ["a", "b"].map(() => closing(new Push({ lingerMs: 0 })))
    for (const [index, push] of pushes.entries()) {
      const connected = nextEvent(pull, "connected")
      push.connect(address)
      await connected
      for (let i = 0; i < 3; i++) push.send(text("ab"[index]! + i))
    }
    // The first one waits for both to be there; what is left then comes one from each.
    const all = await receiveText(pull, 6)
    expect([...all].sort()).toEqual(["a0", "a1", "a2", "b0", "b1", "b2"])
    expect(all.filter(each => each.startsWith("a"))).toEqual(["a0", "a1", "a2"])
    expect(all.filter(each => each.startsWith("b"))).toEqual(["b0", "b1", "b2"])
  })
})

describe("A ROUTER", () => {
  it("drops what is for nobody, or says so if asked", async () => {
    const router = closing(new Router({ lingerMs: 0 }))
    expect(router.send([Buffer.from("who"), Buffer.from("x")])).toBe(false)
    const strict = closing(new Router({ lingerMs: 0, mandatory: true }))
    expect(() => strict.send([Buffer.from("who"), Buffer.from("x")])).toThrow(
      expect.objectContaining({ code: "Unreachable" }),
    )
  })

  it("names a peer by its identity, or by a zero octet and four more", async () => {
    const router = closing(new Router({ lingerMs: 0 }))
    const address = await router.bind("tcp://127.0.0.1:0")
    const named = closing(new Dealer({ lingerMs: 0, identity: Buffer.from("me") }))
    named.connect(address)
    named.send(text("x"))
    const [first] = await receiveText(router, 1)
    expect(first).toBe("me|x")
    const nameless = closing(new Dealer({ lingerMs: 0 }))
    nameless.connect(address)
    nameless.send(text("x"))
    expect((await receiveText(router, 1))[0]).toMatch(/^\0[\s\S]{4}\|x$/)
  })

  it("refuses a second peer of the same identity, and says so, where libzmq lets it starve", async () => {
    const router = closing(new Router({ lingerMs: 0 }))
    const address = await router.bind("tcp://127.0.0.1:0")
    const first = await (await RawPeer.connect(address)).shakeHands("DEALER", 1, { Identity: "me" })
    closers.push(() => first.destroy())
    const told = nextEvent(router, "duplicateIdentity")
    const second = closing(new Dealer({ lingerMs: 0, identity: Buffer.from("me") }))
    const failed = nextEvent(second, "handshakeFailed")
    second.connect(address)
    expect(Buffer.from((await told).identity).toString()).toBe("me")
    expect((await failed).retry).toBe(false)
  })
})

describe("An XPUB", () => {
  it("drops for a subscriber at its limit and goes on for it when there is room", async () => {
    const pub = closing(new XPub({ lingerMs: 0, sendLimits: { messages: 4 } }))
    const peer = await (await RawPeer.connect(await pub.bind("tcp://127.0.0.1:0"))).shakeHands("SUB", 0)
    closers.push(() => peer.destroy())
    peer.send(Buffer.from([0, 1, 1]))
    await receiveText(pub, 1)
    peer.socket.pause()
    const body = Buffer.alloc(256 * 1024)
    let sent = 0
    while (pub.send([Buffer.from(`${sent}`), body])) sent++
    // Full: this one is missed. Then there is room again.
    expect(pub.send([Buffer.from("missed")])).toBe(false)
    const room = pub.drained()
    peer.socket.resume()
    await room
    expect(pub.send([Buffer.from("after")])).toBe(true)
    const seen: string[] = []
    while (seen.at(-1) !== "after") {
      const { flags, body: first } = await peer.next()
      if (first.length < 10) seen.push(first.toString())
      if ((flags & 1) !== 0) await peer.next()
    }
    expect(seen).toEqual([...Array.from({ length: sent }, (_, i) => `${i}`), "after"])
  })
})

describe("Closing", () => {
  it("sends what is queued first, for as long as it may linger", async () => {
    const pull = closing(new Pull({ lingerMs: 0 }))
    const push = new Push()
    push.connect(await pull.bind("tcp://127.0.0.1:0"))
    for (let i = 0; i < 500; i++) push.send(text(`${i}`))
    const closed = push.close({ lingerMs: 10_000 })
    expect((await receiveText(pull, 500)).at(-1)).toBe("499")
    await closed
  })

  it("waits for nobody with a linger of 0, and no longer than asked otherwise", async () => {
    for (const lingerMs of [0, 30]) {
      const push = new Push()
      push.connect(await nobody())
      push.send(text("never"))
      await push.close({ lingerMs })
    }
  })

  it("is final: a SUB that is closed gives no more", async () => {
    const sub = new Sub()
    await sub.close()
    expect(await sub.receive()).toBeUndefined()
  })
})

for (const kind of peerKinds) {
  describe(`With ${kind} libzmq`, () => {
    it("what a PUSH of ours has queued before they are there arrives in order", async () => {
      const theirs = await PeerProcess.start(kind)
      closers.push(() => theirs.stop())
      const address = await nobody()
      const push = closing(new Push({ lingerMs: 0, reconnect: { initialMs: 5, maxMs: 20 } }))
      push.connect(address)
      for (let i = 0; i < 5; i++) expect(push.send(text(`${i}`))).toBe(true)
      await theirs.bind("s", "PULL", address)
      const came = await theirs.receive("s", 5, { plain: true })
      expect(came.messages).toEqual(Array.from({ length: 5 }, (_, i) => [hex(`${i}`)]))
    })

    it("an identity of ours names us to their ROUTER, and theirs to ours", async () => {
      const theirs = await PeerProcess.start(kind)
      closers.push(() => theirs.stop())
      const dealer = closing(new Dealer({ lingerMs: 0, identity: Buffer.from("zinc") }))
      dealer.connect(await theirs.bind("r", "ROUTER", "tcp://127.0.0.1:*"))
      dealer.send(text("hello"))
      expect((await theirs.receive("r", 1, { plain: true })).messages).toEqual([[hex("zinc"), hex("hello")]])
      const router = closing(new Router({ lingerMs: 0 }))
      await theirs.connect("d", "DEALER", await router.bind("tcp://127.0.0.1:0"), {
        options: { ROUTING_ID: "libzmq" },
      })
      await theirs.send("d", { frames: [hex("hello")] })
      expect(await receiveText(router, 1)).toEqual(["libzmq|hello"])
    })
  })
}

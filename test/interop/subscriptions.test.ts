/** Subscriptions on the wire: both forms, counted where libzmq counts, kept across connections. */
import { afterEach, describe, expect, it } from "vitest"
import { Pub, Sub, XPub, XSub } from "../../src/transport/zmtp/index.ts"
import { nextEvent, receiveAll, receiveText } from "./our-socket.ts"
import { PeerProcess, peerKinds } from "./peer-process.ts"
import { command, frame, RawListener, RawPeer } from "./raw-peer.ts"

const bytes = (text: string) => Buffer.from(text, "latin1")
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
function closing<T extends { close(): unknown }>(thing: T): T {
  closers.push(() => thing.close())
  return thing
}

/** Our subscriber, dialled in to a publisher written by hand that announces ZMTP 3.`minor`. */
async function subscriberAt(minor: number): Promise<{ sub: Sub; peer: RawPeer }> {
  const listener = closing(await RawListener.open())
  const sub = closing(new Sub({ lingerMs: 0 }))
  sub.connect(listener.address)
  const peer = await (await listener.accept()).shakeHands("PUB", minor)
  return { sub, peer }
}

/** A subscriber written by hand, dialled in to our publisher. */
async function rawSubscriber(address: string, minor: number, socketType = "SUB"): Promise<RawPeer> {
  const peer = await (await RawPeer.connect(address)).shakeHands(socketType, minor)
  closers.push(() => peer.destroy())
  return peer
}

describe("Our SUB", () => {
  it("subscribes by command at a peer that announces 3.1", async () => {
    const { sub, peer } = await subscriberAt(1)
    sub.subscribe(bytes("weather"))
    expect(await peer.next()).toEqual({ flags: 4, body: bytes("\x09SUBSCRIBEweather") })
    sub.unsubscribe(bytes("weather"))
    expect(await peer.next()).toEqual({ flags: 4, body: bytes("\x06CANCELweather") })
  })

  it("subscribes by message at a peer that announces 3.0", async () => {
    const { sub, peer } = await subscriberAt(0)
    sub.subscribe(bytes("weather"))
    expect(await peer.next()).toEqual({ flags: 0, body: bytes("\x01weather") })
    sub.unsubscribe(bytes("weather"))
    expect(await peer.next()).toEqual({ flags: 0, body: bytes("\x00weather") })
  })

  it("cancels only what has no subscriber left", async () => {
    const { sub, peer } = await subscriberAt(1)
    sub.subscribe(bytes("a"))
    sub.subscribe(bytes("a"))
    sub.unsubscribe(bytes("a"))
    sub.subscribe(bytes("b"))
    sub.unsubscribe(bytes("a"))
    const seen: string[] = []
    while (seen.at(-1) !== "\x06CANCELa") seen.push((await peer.next()).body.toString("latin1"))
    expect(seen.filter(each => each.startsWith("\x06CANCEL"))).toEqual(["\x06CANCELa"])
    expect(seen).toContain("\x09SUBSCRIBEb")
  })

  it("tells a new connection of everything it wants", async () => {
    const listener = closing(await RawListener.open())
    const sub = closing(new Sub({ lingerMs: 0, reconnect: { initialMs: 1 } }))
    sub.subscribe(bytes("a"))
    sub.subscribe(bytes("b"))
    sub.connect(listener.address)
    for (let connection = 0; connection < 2; connection++) {
      const peer = await (await listener.accept()).shakeHands("XPUB")
      const wanted = [(await peer.next()).body, (await peer.next()).body].map(body => body.toString("latin1")).sort()
      expect(wanted).toEqual(["\x09SUBSCRIBEa", "\x09SUBSCRIBEb"])
      peer.destroy()
    }
  })

  it("drops what it did not ask for, whatever a publisher sends", async () => {
    const { sub, peer } = await subscriberAt(1)
    sub.subscribe(bytes("a"))
    await peer.next()
    peer.send(frame(0, bytes("b1")), frame(0, bytes("a1")))
    expect(await receiveText(sub, 1)).toEqual(["a1"])
  })
})

describe("Our XSUB", () => {
  it("sends 01 and 00 messages as they are, and replays them as commands", async () => {
    const listener = closing(await RawListener.open())
    const sub = closing(new XSub({ lingerMs: 0, reconnect: { initialMs: 1 } }))
    sub.connect(listener.address)
    const first = await listener.accept()
    const connected = nextEvent(sub, "connected")
    await first.shakeHands("XPUB")
    await connected
    sub.send([bytes("\x01a")])
    expect(await first.next()).toEqual({ flags: 0, body: bytes("\x01a") })
    first.destroy()
    const second = await (await listener.accept()).shakeHands("XPUB")
    expect(await second.next()).toEqual({ flags: 4, body: bytes("\x09SUBSCRIBEa") })
  })

  it("sees all that a publisher sends", async () => {
    const listener = closing(await RawListener.open())
    const sub = closing(new XSub({ lingerMs: 0 }))
    sub.connect(listener.address)
    const peer = await (await listener.accept()).shakeHands("PUB")
    peer.send(frame(0, bytes("unasked")))
    expect(await receiveText(sub, 1)).toEqual(["unasked"])
  })
})

describe("Our XPUB", () => {
  for (const minor of [0, 1]) {
    it(`takes subscriptions as commands and as messages from a peer that announces 3.${minor}`, async () => {
      const pub = closing(new XPub({ lingerMs: 0 }))
      const peer = await rawSubscriber(await pub.bind("tcp://127.0.0.1:0"), minor)
      peer.send(command("SUBSCRIBE", bytes("a")), frame(0, bytes("\x01b")))
      expect(await receiveText(pub, 2)).toEqual(["\x01a", "\x01b"])
      pub.send([bytes("b1")])
      pub.send([bytes("c1")])
      pub.send([bytes("a1")])
      expect((await peer.next()).body).toEqual(bytes("b1"))
      expect((await peer.next()).body).toEqual(bytes("a1"))
      peer.send(command("CANCEL", bytes("b")), frame(0, bytes("\x00a")))
      expect(await receiveText(pub, 2)).toEqual(["\x00b", "\x00a"])
    })
  }

  it("counts a subscription of one connection once, however often it came", async () => {
    const pub = closing(new XPub({ lingerMs: 0, verboser: true }))
    const peer = await rawSubscriber(await pub.bind("tcp://127.0.0.1:0"), 1)
    peer.send(command("SUBSCRIBE", bytes("a")), command("SUBSCRIBE", bytes("a")), command("SUBSCRIBE", bytes("z")))
    peer.send(command("CANCEL", bytes("a")))
    expect(await receiveText(pub, 4)).toEqual(["\x01a", "\x01a", "\x01z", "\x00a"])
    pub.send([bytes("a1")])
    pub.send([bytes("z1")])
    expect((await peer.next()).body).toEqual(bytes("z1"))
  })

  it("passes on what is no subscription, which PUB ignores", async () => {
    const xpub = closing(new XPub({ lingerMs: 0 }))
    const talker = await rawSubscriber(await xpub.bind("tcp://127.0.0.1:0"), 1, "XSUB")
    talker.send(frame(0, bytes("hello")))
    expect(await receiveText(xpub, 1)).toEqual(["hello"])

    const pub = closing(new Pub({ lingerMs: 0 }))
    const other = await rawSubscriber(await pub.bind("tcp://127.0.0.1:0"), 1, "XSUB")
    other.send(frame(0, bytes("hello")), command("SUBSCRIBE", bytes("")), command("PING", bytes("\x00\x00")))
    await other.next("their PONG, after which the subscription counts")
    pub.send([bytes("still here")])
    expect((await other.next()).body).toEqual(bytes("still here"))
  })

  it("matches octets of the first frame only, case and all", async () => {
    const pub = closing(new XPub({ lingerMs: 0 }))
    const peer = await rawSubscriber(await pub.bind("tcp://127.0.0.1:0"), 1)
    peer.send(command("SUBSCRIBE", bytes("\x00\xff")), command("SUBSCRIBE", bytes("Ab")))
    await receiveAll(pub, 2)
    for (const frames of [["x", "Ab"], ["ab"], ["\x00"], ["\x00\xff!"], ["Abc"]]) pub.send(frames.map(bytes))
    expect((await peer.next()).body).toEqual(bytes("\x00\xff!"))
    expect((await peer.next()).body).toEqual(bytes("Abc"))
  })

  it("ends the subscriptions of a connection that is gone", async () => {
    const pub = closing(new XPub({ lingerMs: 0 }))
    const peer = await rawSubscriber(await pub.bind("tcp://127.0.0.1:0"), 1)
    peer.send(command("SUBSCRIBE", bytes("a")))
    expect(await receiveText(pub, 1)).toEqual(["\x01a"])
    peer.destroy()
    expect(await receiveText(pub, 1)).toEqual(["\x00a"])
  })

  it("cuts off a connection that subscribes without end", async () => {
    const pub = closing(new XPub({ lingerMs: 0, maxSubscriptionBytes: 1_000 }))
    const peer = await rawSubscriber(await pub.bind("tcp://127.0.0.1:0"), 1)
    for (let i = 0; i < 200; i++) peer.send(command("SUBSCRIBE", bytes(`topic ${i}`)))
    await peer.closed()
  })
})

describe.runIf(peerKinds.includes("python"))("A bound SUB of python libzmq", () => {
  it("subscribes only when its application looks", async () => {
    const peer = await PeerProcess.start("python")
    closers.push(() => peer.stop())
    const pub = closing(new XPub({ lingerMs: 0 }))
    const connected = nextEvent(pub, "connected")
    pub.connect(await peer.bind("s", "SUB", "tcp://127.0.0.1:*", { subscribe: [bytes("a").toString("hex")] }))
    await connected
    let told = false
    const subscription = receiveText(pub, 1).then(texts => {
      told = true
      return texts
    })
    // Other sockets of that process are busy, and this one's application does not look.
    await peer.bind("other", "PULL", "tcp://127.0.0.1:*")
    await peer.receive("other", 1, { timeoutMs: 50 })
    expect(told).toBe(false)
    await peer.receive("s", 1, { timeoutMs: 50 })
    expect(await subscription).toEqual(["\x01a"])
  })
})

for (const kind of peerKinds) {
  describe(`${kind} libzmq and our XPUB`, () => {
    it("agree on topics of every length that libzmq 4.3.4 garbles", async () => {
      const peer = await PeerProcess.start(kind)
      closers.push(() => peer.stop())
      const pub = closing(new XPub({ lingerMs: 0 }))
      await peer.connect("s", "SUB", await pub.bind("tcp://127.0.0.1:0"))
      for (const length of [245, 246, 250, 255, 256, 300]) {
        const topic = `${length}`.padEnd(length, "x")
        await peer.subscribe("s", topic)
        expect(await receiveText(pub, 1)).toEqual([`\x01${topic}`])
        pub.send([bytes(topic)])
        const came = await peer.receive("s", 1, { plain: true })
        expect(came.messages).toEqual([[bytes(topic).toString("hex")]])
        await peer.subscribe("s", topic, false)
        expect(await receiveText(pub, 1)).toEqual([`\x00${topic}`])
      }
    })

    it("subscribe again by themselves when ours is back at its address", async () => {
      const peer = await PeerProcess.start(kind)
      closers.push(() => peer.stop())
      const first = new XPub({ lingerMs: 0 })
      const address = await first.bind("tcp://127.0.0.1:0")
      const topic = bytes("again").toString("hex")
      await peer.connect("s", "SUB", address, { subscribe: [topic], options: { RECONNECT_IVL: 20 } })
      expect(await receiveText(first, 1)).toEqual(["\x01again"])
      await first.close()
      const second = closing(new XPub({ lingerMs: 0 }))
      await second.bind(address)
      // libzmq replays when its application next enters the socket, hence the receive before.
      const came = peer.receive("s", 1, { plain: true })
      expect(await receiveText(second, 1)).toEqual(["\x01again"])
      second.send([bytes("again 1")])
      expect((await came).messages).toEqual([[bytes("again 1").toString("hex")]])
    })
  })

  describe(`${kind} libzmq and our SUB`, () => {
    it("subscribe again when theirs was killed and is back at its address", async () => {
      const first = await PeerProcess.start(kind)
      closers.push(() => first.stop())
      const address = await first.bind("p", "XPUB", "tcp://127.0.0.1:*")
      const sub = closing(new Sub({ lingerMs: 0, reconnect: { initialMs: 20, maxMs: 50 } }))
      sub.subscribe(bytes("again"))
      sub.connect(address)
      const wanted = [[bytes("\x01again").toString("hex")]]
      expect((await first.receive("p", 1, { plain: true })).messages).toEqual(wanted)
      const lost = nextEvent(sub, "disconnected")
      await first.stop("SIGKILL")
      await lost
      const second = await PeerProcess.start(kind)
      closers.push(() => second.stop())
      await second.bind("p", "XPUB", address)
      expect((await second.receive("p", 1, { plain: true })).messages).toEqual(wanted)
      await second.send("p", { frames: [bytes("again 1").toString("hex")] })
      expect(await receiveText(sub, 1)).toEqual(["again 1"])
    })
  })
}

/** What a socket sends after it has told a peer to go: to others, or to nobody, but not to the one that goes. */

import { describe, expect, it } from "vitest"
import { ownSockets } from "../../../../test/own-sockets.ts"
import { fromUtf8, utf8 } from "../../../core/bytes.ts"
import { Dealer } from "./dealer.ts"
import type { PatternSocket } from "./pattern-socket.ts"
import { SteerableProxy } from "./proxy.ts"
import { Pub } from "./pub.ts"
import { Pull } from "./pull.ts"
import { Push } from "./push.ts"
import { Rep } from "./rep.ts"
import { Req } from "./req.ts"
import { Router } from "./router.ts"
import { Sub } from "./sub.ts"
import { XPub } from "./xpub.ts"

const own = ownSockets()
const event = (socket: PatternSocket, type: "connected" | "disconnected", count = 1) =>
  new Promise<void>(resolve => {
    let seen = 0
    const stop = socket.events.on(type, () => {
      if (++seen < count) return
      stop()
      resolve()
    })
  })
const texts = async (socket: { receive(): Promise<Uint8Array[] | undefined> }, count: number) => {
  const got: string[] = []
  while (got.length < count) got.push(...(await socket.receive())!.map(fromUtf8))
  return got
}
const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`)
const hundred = numbers(100)

let names = 0
describe.each([
  ["tcp", () => "tcp://127.0.0.1:0"],
  ["inproc", () => `inproc://leaving-${++names}`],
])("a peer that is told to go, over %s", (_, address) => {
  it.each([
    ["Push", () => new Push(), () => new Pull()],
    ["Dealer", () => new Dealer(), () => new Dealer()],
  ] as const)("gets nothing of what a %s sends then: the others do", async (_name, make, makePeer) => {
    const [a, b] = [own(makePeer()), own(makePeer())]
    const socket = own(make())
    const both = event(socket, "connected", 2)
    const first = await a.bind(address())
    socket.connect(first)
    socket.connect(await b.bind(address()))
    await both
    for (const text of ["before", "before"]) socket.send([utf8(text)])
    const gone = event(socket, "disconnected")
    socket.disconnect(first)
    for (const text of hundred) expect(socket.send([utf8(text)])).toBe(true)
    expect(await texts(b, 101)).toEqual(["before", ...hundred])
    await gone
    expect(await texts(a, 1)).toEqual(["before"])
    expect(a.poll()).toBeUndefined()
  })

  it("that had bound is passed over, too, when it is disconnected by its number", async () => {
    const push = own(new Push())
    const [a, b] = [own(new Pull()), own(new Pull())]
    const both = event(push, "connected", 2)
    const at = await push.bind(address())
    a.connect(at)
    b.connect(at)
    await both
    const gone = event(push, "disconnected")
    push.disconnectPeer(push.peers[0]!.peer)
    for (const text of hundred) expect(push.send([utf8(text)])).toBe(true)
    await gone
    const counts = [0, 0]
    while (counts[0]! + counts[1]! < 100) {
      if (a.poll() !== undefined) counts[0]!++
      else if (b.poll() !== undefined) counts[1]!++
      else await a.nextTurn()
    }
    // Whoever was told to go has come back, but not in time for these.
    expect(counts.sort()).toEqual([0, 100])
  })

  it("leaves nobody to send to when it was the only one, and what was queued arrives", async () => {
    const pull = own(new Pull())
    const push = own(new Push())
    const connected = event(push, "connected")
    const at = await pull.bind(address())
    push.connect(at)
    await connected
    for (const text of hundred) expect(push.send([utf8(text)])).toBe(true)
    push.disconnect(at)
    expect(push.send([utf8("late")])).toBe(false)
    expect(await texts(pull, 100)).toEqual(hundred)
  })

  it("has its place taken by the server that a Req dials next", async () => {
    const [a, b] = [own(new Rep()), own(new Rep())]
    const req = own(new Req())
    const [first, second] = [await a.bind(address()), await b.bind(address())]
    const connected = event(req, "connected")
    req.connect(first)
    await connected
    req.disconnect(first)
    req.connect(second)
    expect(req.send([utf8("who is there?")])).toBe(true)
    expect(await texts(b, 1)).toEqual(["who is there?"])
    b.send([utf8("b")])
    expect(await texts(req, 1)).toEqual(["b"])
    expect(a.poll()).toBeUndefined()
  })

  it("is nobody to a Router and a publisher at once", async () => {
    const router = own(new Router({ mandatory: true }))
    const dealer = own(new Dealer({ identity: utf8("bob") }))
    const there = event(router, "connected")
    dealer.connect(await router.bind(address()))
    await there
    expect(router.send([utf8("bob"), utf8("1")])).toBe(true)
    router.disconnectPeer(router.peers[0]!.peer)
    expect(() => router.send([utf8("bob"), utf8("2")])).toThrow(expect.objectContaining({ code: "Unreachable" }))
    expect(await texts(dealer, 1)).toEqual(["1"])

    const pub = own(new XPub({ noDrop: true, sendLimits: { messages: 1, bytes: 0 } }))
    const sub = own(new Sub())
    sub.subscribe(utf8(""))
    sub.connect(await pub.bind(address()))
    await pub.receive()
    pub.disconnectPeer(pub.peers[0]!.peer)
    expect(pub.subscribers).toBe(0)
    // Nobody is there whose full queue would stand in the way.
    for (const text of hundred) expect(pub.send([utf8(text)])).toBe(true)
  })
})

it("a Router drops a message without a body, as libzmq does: a proxy passes on whatever strangers send", async () => {
  const router = own(new Router({ mandatory: true }))
  const dealer = own(new Dealer({ identity: utf8("bob") }))
  const there = event(router, "connected")
  dealer.connect(await router.bind("tcp://127.0.0.1:0"))
  await there
  expect(router.send([utf8("bob")])).toBe(false)
  expect(router.send([utf8("bob"), utf8("1")])).toBe(true)
  expect(await texts(dealer, 1)).toEqual(["1"])
})

it("a proxy outlives what a mandatory Router refuses to pass on", async () => {
  const front = own(new Router({ mandatory: true }))
  const back = own(new Dealer())
  const proxy = new SteerableProxy(front, back)
  void proxy.run()
  const asker = own(new Dealer({ identity: utf8("bob") }))
  const worker = own(new Dealer())
  asker.connect(await front.bind("tcp://127.0.0.1:0"))
  worker.connect(await back.bind("tcp://127.0.0.1:0"))
  asker.send([utf8("question")])
  expect(await texts(worker, 2)).toEqual(["bob", "question"])
  worker.send([utf8("nobody"), utf8("x")])
  worker.send([utf8("bob"), utf8("answer")])
  expect(await texts(asker, 1)).toEqual(["answer"])
  expect(proxy.statistics.back.messages).toBe(1)
  proxy.terminate()
})

it("a Pub that dialled tells nothing more there", async () => {
  const sub = own(new Sub())
  sub.subscribe(utf8(""))
  const pub = own(new Pub())
  const at = await sub.bind("tcp://127.0.0.1:0")
  pub.connect(at)
  while (pub.subscribers === 0) await pub.nextTurn()
  pub.send([utf8("1")])
  const gone = event(sub, "disconnected")
  pub.disconnect(at)
  pub.send([utf8("2")])
  await gone
  expect(await texts(sub, 1)).toEqual(["1"])
  expect(sub.poll()).toBeUndefined()
})

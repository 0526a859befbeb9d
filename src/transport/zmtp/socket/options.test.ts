/** The options that programs written for libzmq rely on. */

import { connect } from "node:net"
import { describe, expect, it } from "vitest"
import { ownSockets } from "../../../../test/own-sockets.ts"
import { fromUtf8, utf8 } from "../../../core/bytes.ts"
import { SimulatedClock } from "../../../core/simulated-clock.ts"
import type { Carrier } from "../../carrier.ts"
import { Dealer } from "./dealer.ts"
import type { PatternSocket } from "./pattern-socket.ts"
import { SteerableProxy } from "./proxy.ts"
import { Pub } from "./pub.ts"
import { Pull } from "./pull.ts"
import { Push } from "./push.ts"
import { Rep } from "./rep.ts"
import { Req } from "./req.ts"
import { Router } from "./router.ts"
import type { SocketEvent } from "./socket-event.ts"
import { Sub } from "./sub.ts"
import { XPub } from "./xpub.ts"
import { XSub } from "./xsub.ts"

const own = ownSockets()
const say = (...frames: string[]) => frames.map(utf8)
const read = async (socket: { receive(): Promise<Uint8Array[] | undefined> }) => (await socket.receive())?.map(fromUtf8)
let names = 0
const address = () => `inproc://options-${++names}`
function next<T extends SocketEvent["type"]>(
  socket: PatternSocket,
  type: T,
): Promise<Extract<SocketEvent, { type: T }>> {
  return new Promise(resolve => {
    const stop = socket.events.on(type, event => {
      stop()
      resolve(event as Extract<SocketEvent, { type: T }>)
    })
  })
}
const quick = { initialMs: 1, maxMs: 2 }

describe("conflate (Q4)", () => {
  it("leaves only the newest of what a Push has not handed over", async () => {
    const at = address()
    const push = own(new Push({ conflate: true, reconnect: quick, sendLimits: { messages: 1 } }))
    push.connect(at)
    for (const n of ["1", "2", "3"]) expect(push.send(say(n, "whole"))).toBe(true)
    const pull = own(new Pull())
    await pull.bind(at)
    expect(await read(pull)).toEqual(["3", "whole"])
    // Also of what is sent in one turn.
    for (const n of ["4", "5"]) push.send(say(n))
    expect(await read(pull)).toEqual(["5"])
  })

  it("leaves a Pull and a Sub only the newest that is not read", async () => {
    const pull = own(new Pull({ conflate: true }))
    const push = own(new Push())
    push.connect(await pull.bind(address()))
    for (const n of ["1", "2", "3"]) push.send(say(n))
    while (pull.waiting === 0) await pull.nextTurn()
    expect(await read(pull)).toEqual(["3"])
    expect(pull.waiting).toBe(0)
  })

  it("works per subscriber of a Pub, for long messages too", async () => {
    const pub = own(new Pub({ conflate: true }))
    const sub = own(new Sub())
    sub.subscribe(utf8(""))
    const here = next(pub, "connected")
    sub.connect(await pub.bind(address()))
    await here
    while (pub.subscribers === 0) await pub.nextTurn()
    for (const size of [10_000, 20_000, 30_000]) pub.send([utf8("t"), new Uint8Array(size)])
    expect((await sub.receive())!.map(frame => frame.length)).toEqual([1, 30_000])
  })
})

describe("ROUTER", () => {
  it("sends at once to whom it dials under a name, whatever that one calls itself", async () => {
    const at = address()
    const router = own(new Router({ mandatory: true, reconnect: quick }))
    router.connect(at, { identity: utf8("far") })
    expect(router.send(say("far", "early"))).toBe(true)
    expect(() => router.connect(address(), { identity: utf8("far") })).toThrow(
      expect.objectContaining({ code: "BadOption" }),
    )
    const dealer = own(new Dealer({ identity: utf8("bob") }))
    await dealer.bind(at)
    expect(await read(dealer)).toEqual(["early"])
    dealer.send(say("back"))
    expect(await read(router)).toEqual(["far", "back"])
    const gone = next(router, "disconnected")
    router.disconnect(at)
    await gone
    expect(() => router.send(say("far", "x"))).toThrow(expect.objectContaining({ code: "Unreachable" }))
  })

  it("hands an identity over to the newcomer, if asked to", async () => {
    const router = own(new Router({ handover: true }))
    const at = await router.bind(address())
    const old = own(new Dealer({ identity: utf8("bob"), reconnect: false }))
    old.connect(at)
    old.send(say("old"))
    expect(await read(router)).toEqual(["bob", "old"])
    const gone = next(old, "disconnected")
    const newcomer = own(new Dealer({ identity: utf8("bob") }))
    newcomer.connect(at)
    newcomer.send(say("new"))
    expect(await read(router)).toEqual(["bob", "new"])
    await gone
    expect(router.send(say("bob", "hello"))).toBe(true)
    expect(await read(newcomer)).toEqual(["hello"])
  })

  it("is greeted by an empty message from those who probe (Q5)", async () => {
    const router = own(new Router())
    const at = await router.bind(address())
    const dealer = own(new Dealer({ probeRouter: true, identity: utf8("bob") }))
    dealer.connect(at)
    expect(await read(router)).toEqual(["bob", ""])
    const peer = own(new Router({ probeRouter: true, identity: utf8("r2") }))
    peer.connect(at)
    expect(await read(router)).toEqual(["r2", ""])
  })
})

describe("XPUB (S6)", () => {
  it("with manual gives only what the application says", async () => {
    const xpub = own(new XPub({ manual: true }))
    const sub = own(new Sub())
    sub.subscribe(utf8("A"))
    sub.subscribe(utf8("XA"))
    sub.connect(await xpub.bind(address()))
    expect(await read(xpub)).toEqual(["\x01A"])
    xpub.send(say("A", "not granted"))
    xpub.subscribe(utf8("XA"))
    xpub.send(say("A", "no"))
    xpub.send(say("XA", "granted"))
    expect(await read(sub)).toEqual(["XA", "granted"])
    expect(await read(xpub)).toEqual(["\x01XA"])
    sub.unsubscribe(utf8("A"))
    expect(await read(xpub)).toEqual(["\x00A"])
    xpub.unsubscribe(utf8("XA"))
    xpub.send(say("XA", "no more"))
    await sub.close()
    // What it asked for ends, whatever it got.
    expect(await read(xpub)).toEqual(["\x00XA"])
    expect(() => own(new XPub()).subscribe(utf8("A"))).toThrow(expect.objectContaining({ code: "BadOption" }))
  })

  it("with last value sends the next message only to the one that has just subscribed", async () => {
    const xpub = own(new XPub({ lastValue: true }))
    const at = await xpub.bind(address())
    const first = own(new Sub())
    first.subscribe(utf8("t"))
    first.connect(at)
    await xpub.receive()
    xpub.subscribe(utf8("t"))
    xpub.send(say("t", "cached for the first"))
    const second = own(new Sub())
    second.subscribe(utf8("t"))
    second.connect(at)
    expect(await read(xpub)).toEqual(["\x01t"])
    xpub.subscribe(utf8("t"))
    xpub.send(say("t", "cached for the second"))
    xpub.send(say("t", "for all"))
    expect([await read(first), await read(first)]).toEqual([
      ["t", "cached for the first"],
      ["t", "for all"],
    ])
    expect([await read(second), await read(second)]).toEqual([
      ["t", "cached for the second"],
      ["t", "for all"],
    ])
  })

  it("serves every subscription though its application never reads of them", async () => {
    const xpub = own(new XPub())
    const sub = own(new Sub())
    const topics = 12_000
    for (let i = 0; i < topics; i++) sub.subscribe(utf8(`topic ${i} `))
    sub.connect(await xpub.bind("tcp://127.0.0.1:0"))
    const last = `topic ${topics - 1} `
    const heard = read(sub)
    let here = false
    heard.then(() => {
      here = true
    })
    while (!here) {
      xpub.send(say(last))
      await xpub.nextTurn()
    }
    expect(await heard).toEqual([last])
    // What it would have read is kept within bounds.
    expect(xpub.waiting).toBeLessThan(topics)
  })

  it("counts subscriptions with what connections hold, and closes who holds most", async () => {
    const xpub = own(new XPub({ maxBufferedBytes: 2_000_000 }))
    const modest = own(new Sub())
    modest.subscribe(utf8("modest"))
    const at = await xpub.bind("tcp://127.0.0.1:0")
    modest.connect(at)
    expect(await read(xpub)).toEqual(["\x01modest"])
    const greedy = own(new Sub({ reconnect: false }))
    for (let i = 0; i < 20_000; i++) greedy.subscribe(utf8(`${i}`))
    const lost = next(xpub, "disconnected")
    greedy.connect(at)
    expect((await lost).error?.code).toBe("Full")
    expect(xpub.peers.length).toBe(1)
    expect(xpub.subscribers).toBe(1)
  })

  it("with no drop takes nothing while one of those who want it has no room", async () => {
    const xpub = own(new XPub({ noDrop: true, sendLimits: { messages: 2 }, lingerMs: 0 }))
    const at = await xpub.bind("tcp://127.0.0.1:0")
    const slow = own(new Sub({ onBatch: () => {}, reconnect: false }))
    slow.subscribe(utf8("s"))
    const here = next(slow, "connected")
    slow.connect(at)
    slow.pausePeer((await here).peer)
    const seen: string[] = []
    const other = own(new Sub({ onBatch: batch => seen.push(fromUtf8(batch.frame(0, 0))) }))
    other.subscribe(utf8("s"))
    other.connect(at)
    for (let heard = 0; heard < 1; heard++) await read(xpub)
    while (xpub.subscribers < 2) await xpub.nextTurn()
    const body = new Uint8Array(1_000_000)
    let taken = 0
    while (xpub.send([utf8(`s${taken}`), body])) {
      taken++
      await xpub.nextTurn()
    }
    while (seen.length < taken) await xpub.nextTurn()
    expect(seen).toHaveLength(taken)
    // Others are not concerned, and there is room again when the slow one is gone.
    expect(xpub.send([utf8("nobody wants this")])).toBe(true)
    const room = xpub.drained()
    slow.abort()
    await room
    expect(xpub.send([utf8("s-last")])).toBe(true)
    while (seen.at(-1) !== "s-last") await xpub.nextTurn()
    expect(seen).toHaveLength(taken + 1)
  })

  it("welcomes each subscriber, and can invert what a subscription means", async () => {
    const xpub = own(new XPub({ welcome: utf8("welcome") }))
    const sub = own(new XSub())
    sub.connect(await xpub.bind(address()))
    expect(await read(sub)).toEqual(["welcome"])

    const inverted = own(new Pub({ invertMatching: true }))
    const but = own(new Sub({ invertMatching: true }))
    but.subscribe(utf8("A"))
    const here = next(inverted, "connected")
    but.connect(await inverted.bind(address()))
    await here
    while (inverted.subscribers === 0) await inverted.nextTurn()
    for (const topic of ["A1", "B", "A", "C"]) inverted.send(say(topic))
    expect([await read(but), await read(but)]).toEqual([["B"], ["C"]])
  })
})

describe("addresses", () => {
  it("unbind by what was asked for, know the last one, and bind after connecting", async () => {
    const at = address()
    const push = own(new Push({ reconnect: quick }))
    push.connect(at)
    expect(push.lastAddress).toBe(at)
    push.send(say("early"))
    const pull = own(new Pull())
    await pull.bind("tcp://127.0.0.1:*")
    const tcp = pull.lastAddress
    expect(tcp).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/)
    await pull.bind(at)
    expect(await read(pull)).toEqual(["early"])
    await pull.unbind("tcp://127.0.0.1:*")
    const refused = await new Promise<string>(resolve => {
      connect(Number(tcp!.split(":").at(-1)), "127.0.0.1")
        .on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""))
        .on("connect", () => resolve("connected"))
    })
    expect(refused).toBe("ECONNREFUSED")
    await expect(pull.unbind("tcp://127.0.0.1:*")).rejects.toMatchObject({ code: "BadAddress" })
  })

  it("listen at an interface by its name, on IPv4 alone if told so, and dial from an address of ours", async () => {
    const pull = own(new Pull({ tuning: { ipv6: false, backlog: 5, keepAliveMs: 1_000 } }))
    const accepted = next(pull, "accepted")
    const at = await pull.bind("tcp://lo:0")
    expect(at).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/)
    const push = own(new Push({ tuning: { ipv6: false, keepAliveMs: 0 } }))
    push.connect(`tcp://127.0.0.5:0;${at.slice("tcp://".length)}`)
    push.send(say("hello"))
    expect(await read(pull)).toEqual(["hello"])
    expect((await accepted).remote).toMatch(/^tcp:\/\/127\.0\.0\.5:/)
    const anywhere = own(new Pull({ tuning: { ipv6: false } }))
    push.connect(await anywhere.bind("tcp://*:*"))
  })
})

describe("connectTimeoutMs", () => {
  it("gives an attempt up in time, and tries again", async () => {
    const clock = new SimulatedClock()
    const silent: Carrier = {
      schemes: ["silent"],
      listen: () => Promise.reject(new Error("not here")),
      dial: (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
    }
    const push = own(new Push({ clock, carriers: [silent], connectTimeoutMs: 500, reconnect: quick }))
    const failed = next(push, "dialFailed")
    let attempts = 0
    push.events.on("dialling", () => attempts++)
    push.connect("silent://there")
    await clock.run(499)
    expect(attempts).toBe(1)
    await clock.run(10)
    expect((await failed).error.code).toBe("Timeout")
    expect(attempts).toBe(2)
  })
})

describe("SteerableProxy", () => {
  it("passes requests and replies, pauses, counts and captures", async () => {
    const front = own(new Router())
    const back = own(new Dealer())
    const capture = own(new Push())
    const tap = own(new Pull())
    capture.connect(await tap.bind(address()))
    const req = own(new Req({ identity: utf8("me") }))
    const rep = own(new Rep())
    req.connect(await front.bind(address()))
    rep.connect(await back.bind(address()))
    const proxy = new SteerableProxy(front, back, { capture })
    const done = proxy.run()
    req.send(say("one"))
    expect(await read(rep)).toEqual(["one"])
    rep.send(say("two"))
    expect(await read(req)).toEqual(["two"])
    expect((await read(tap))!.slice(1)).toEqual(["", "one"])
    expect((await read(tap))!.slice(1)).toEqual(["", "two"])
    proxy.pause()
    req.send(say("three"))
    while (front.waiting === 0) await front.nextTurn()
    expect(proxy.statistics.forth.messages).toBe(1)
    proxy.resume()
    expect(await read(rep)).toEqual(["three"])
    expect(proxy.statistics.forth).toEqual({ messages: 2, bytes: 2 * "me".length + "onethree".length })
    expect(proxy.isRunning).toBe(true)
    proxy.terminate()
    await done
    expect(front.writable).toBe(true)
  })

  it("passes subscriptions up and messages down, and ends with its sockets", async () => {
    const pub = own(new XPub())
    const xsub = own(new XSub())
    const xpub = own(new XPub())
    const sub = own(new Sub())
    xsub.connect(await pub.bind(address()))
    const done = new SteerableProxy(xsub, xpub).run()
    sub.subscribe(utf8("t"))
    sub.connect(await xpub.bind(address()))
    expect(await read(pub)).toEqual(["\x01t"])
    pub.send(say("t", "news"))
    expect(await read(sub)).toEqual(["t", "news"])
    await xpub.close()
    await done
  })

  it("holds back what the other side has no room for, and loses nothing", async () => {
    const front = own(new Pull({ receiveHighWaterMark: 10 }))
    const back = own(new Push({ sendLimits: { messages: 5 } }))
    const push = own(new Push({ sendLimits: { messages: 10 } }))
    const pull = own(new Pull({ receiveHighWaterMark: 5 }))
    push.connect(await front.bind(address()))
    void new SteerableProxy(front, back).run()
    back.connect(await pull.bind(address()))
    const body = new Uint8Array(100_000)
    const sending = (async () => {
      for (let i = 0; i < 100; i++) {
        while (!push.send([utf8(`${i}`), body])) await push.drained()
      }
    })()
    for (let i = 0; i < 100; i++) expect(fromUtf8((await pull.receive())![0]!)).toBe(`${i}`)
    await sending
  })

  it("wants two sockets that can pass something on", () => {
    expect(() => new SteerableProxy(own(new Push()), own(new Push()))).toThrow(
      expect.objectContaining({ code: "BadOption" }),
    )
  })
})

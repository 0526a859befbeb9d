/** REQ and REP: strict turns, envelopes, and whose reply is taken. */

import { describe, expect, it } from "vitest"
import { ownSockets } from "../../../../test/own-sockets.ts"
import { fromUtf8, utf8 } from "../../../core/bytes.ts"
import { Dealer } from "./dealer.ts"
import type { PatternSocket } from "./pattern-socket.ts"
import { Rep } from "./rep.ts"
import { Req } from "./req.ts"
import { Router } from "./router.ts"

const own = ownSockets()
const say = (...frames: string[]) => frames.map(utf8)
const read = async (socket: { receive(): Promise<Uint8Array[] | undefined> }) => (await socket.receive())?.map(fromUtf8)
let names = 0
const address = () => `inproc://request-reply-${++names}`
const wrongState = expect.objectContaining({ code: "WrongState" })

/** Resolves when a peer has joined the socket. */
function joined(socket: PatternSocket): Promise<unknown> {
  return new Promise(resolve => socket.events.on("connected", resolve))
}

describe("Req", () => {
  it("asks and receives in strict turn", async () => {
    const rep = own(new Rep())
    const req = own(new Req())
    req.connect(await rep.bind(address()))
    expect(() => req.receive()).toThrow(wrongState)
    expect(req.send(say("1"))).toBe(true)
    expect(() => req.send(say("2"))).toThrow(wrongState)
    expect(await read(rep)).toEqual(["1"])
    rep.send(say("one", "more"))
    expect(await read(req)).toEqual(["one", "more"])
    expect(req.send(say("2"))).toBe(true)
    expect(await read(rep)).toEqual(["2"])
  })

  it("takes turns among its servers", async () => {
    const servers = [own(new Router()), own(new Router())]
    const req = own(new Req())
    for (const server of servers) {
      const here = joined(req)
      req.connect(await server.bind(address()))
      await here
    }
    for (const turn of [0, 1, 2, 3]) {
      const server = servers[turn % 2]!
      req.send(say(`${turn}`))
      const [who, , body] = (await server.receive())!
      expect(fromUtf8(body!)).toBe(`${turn}`)
      server.send([who!, utf8(""), body!])
      expect(await read(req)).toEqual([`${turn}`])
    }
  })

  it("takes a reply only from whom it asked, and with an envelope", async () => {
    const asked = own(new Router())
    const other = own(new Router())
    const req = own(new Req({ identity: utf8("me") }))
    for (const server of [asked, other]) {
      const here = Promise.all([joined(server), joined(req)])
      req.connect(await server.bind(address()))
      await here
    }
    req.send(say("?"))
    expect(await read(asked)).toEqual(["me", "", "?"])
    other.send(say("me", "", "not asked"))
    asked.send(say("me", "no envelope"))
    asked.send(say("me", ""))
    asked.send(say("me", "", "this"))
    asked.send(say("me", "", "too late"))
    expect(await read(req)).toEqual(["this"])
    req.send(say("next"))
    expect(await read(other)).toEqual(["me", "", "next"])
    other.send(say("me", "", "that"))
    expect(await read(req)).toEqual(["that"])
  })

  it("gives a reply up when relaxed, and knows late ones by their number when it correlates", async () => {
    const router = own(new Router())
    const req = own(new Req({ relaxed: true, correlate: true, identity: utf8("me") }))
    req.connect(await router.bind(address()))
    req.send(say("first"))
    const first = (await router.receive())!
    req.send(say("second"))
    const second = (await router.receive())!
    expect([first.length, first[1]!.length, first[2]!.length, fromUtf8(first[3]!)]).toEqual([4, 4, 0, "first"])
    expect(fromUtf8(second[3]!)).toBe("second")
    router.send([...first.slice(0, 3), utf8("late")])
    router.send([...second.slice(0, 3), utf8("right")])
    expect(await read(req)).toEqual(["right"])
  })

  it("without numbers takes a late reply of the same server for the new one's, as libzmq does", async () => {
    const router = own(new Router())
    const req = own(new Req({ relaxed: true, identity: utf8("me") }))
    req.connect(await router.bind(address()))
    req.send(say("first"))
    await router.receive()
    req.send(say("second"))
    await router.receive()
    router.send(say("me", "", "late"))
    expect(await read(req)).toEqual(["late"])
  })

  it("hands replies to onBatch, from where the next request may be sent", async () => {
    const rep = own(new Rep())
    const seen: string[] = []
    const done = new Promise<void>(resolve => {
      const req: Req = own(
        new Req({
          onBatch: batch => {
            seen.push(fromUtf8(batch.frame(0, 0)))
            if (seen.length === 3) resolve()
            else req.send(say(`${seen.length}`))
          },
        }),
      )
      void rep.bind(address()).then(at => {
        req.connect(at)
        req.send(say("0"))
      })
    })
    for (let turn = 0; turn < 3; turn++) {
      const request = (await rep.receive())!
      rep.send(request)
    }
    await done
    expect(seen).toEqual(["0", "1", "2"])
  })

  it("may greet a router first", async () => {
    const router = own(new Router())
    const req = own(new Req({ probeRouter: true, identity: utf8("me") }))
    req.connect(await router.bind(address()))
    expect(await read(router)).toEqual(["me", ""])
  })
})

describe("Rep", () => {
  it("answers in strict turn", async () => {
    const rep = own(new Rep())
    const req = own(new Req())
    expect(() => rep.send(say("?"))).toThrow(wrongState)
    req.connect(await rep.bind(address()))
    req.send(say("1"))
    expect(await read(rep)).toEqual(["1"])
    expect(() => rep.receive()).toThrow(wrongState)
    rep.send(say("2"))
    expect(await read(req)).toEqual(["2"])
  })

  it("puts the whole envelope back before the reply", async () => {
    const rep = own(new Rep())
    const dealer = own(new Dealer())
    dealer.connect(await rep.bind(address()))
    dealer.send(say("hop 1", "hop 2", "", "body", "", "more"))
    expect(await read(rep)).toEqual(["body", "", "more"])
    rep.send(say("reply"))
    expect(await read(dealer)).toEqual(["hop 1", "hop 2", "", "reply"])
  })

  it("drops what has no envelope, or nothing in it", async () => {
    const rep = own(new Rep())
    const dealer = own(new Dealer())
    dealer.connect(await rep.bind(address()))
    dealer.send(say("no delimiter"))
    dealer.send(say("no body", ""))
    dealer.send(say("", "good"))
    expect(await read(rep)).toEqual(["good"])
  })

  it("drops the reply when who asked is gone", async () => {
    const rep = own(new Rep())
    const gone = own(new Req())
    gone.connect(await rep.bind(address()))
    gone.send(say("1"))
    expect(await read(rep)).toEqual(["1"])
    const left = new Promise(resolve => rep.events.on("disconnected", resolve))
    await gone.close({ lingerMs: 0 })
    await left
    expect(rep.send(say("to nobody"))).toBe(false)
    const req = own(new Req())
    req.connect(rep.lastAddress!)
    req.send(say("2"))
    expect(await read(rep)).toEqual(["2"])
  })

  it("hands out one request at a time with onBatch", async () => {
    const dealer = own(new Dealer())
    const seen: string[] = []
    let more = () => {}
    const rep: Rep = own(
      new Rep({
        onBatch: batch => {
          expect(batch.count).toBe(1)
          seen.push(fromUtf8(batch.frame(0, 0)))
          // The first is answered in the call, the second later.
          if (seen.length !== 2) rep.send(say("ok"))
          more()
        },
      }),
    )
    dealer.connect(await rep.bind(address()))
    const two = new Promise<void>(resolve => {
      more = () => seen.length === 2 && resolve()
    })
    for (const body of ["1", "2", "3"]) dealer.send(say("", body))
    await two
    expect(seen).toEqual(["1", "2"])
    rep.send(say("at last"))
    const replies = [await read(dealer), await read(dealer), await read(dealer)]
    expect(replies).toEqual([
      ["", "ok"],
      ["", "at last"],
      ["", "ok"],
    ])
    expect(seen).toEqual(["1", "2", "3"])
  })
})

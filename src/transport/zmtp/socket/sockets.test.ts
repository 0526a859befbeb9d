import { describe, expect, it } from "vitest"
import { ownSockets } from "../../../../test/own-sockets.ts"
import { fromUtf8, utf8 } from "../../../core/bytes.ts"
import { deferred } from "../../../core/deferred.ts"
import type { FrameBatch } from "../../../core/frame-batch.ts"
import { Dealer } from "./dealer.ts"
import { Pull } from "./pull.ts"
import { Push } from "./push.ts"
import { Router } from "./router.ts"
import { Sub } from "./sub.ts"
import { XPub } from "./xpub.ts"

const own = ownSockets()

const say = (...frames: string[]) => frames.map(utf8)
const read = async (socket: { receive(): Promise<Uint8Array[] | undefined> }) => (await socket.receive())?.map(fromUtf8)
let names = 0

describe.each([
  ["tcp", () => "tcp://127.0.0.1:0"],
  ["inproc", () => `inproc://sockets-${++names}`],
])("general sockets over %s", (_, address) => {
  it("Push gives to Pull what was sent before the connection was there (Q2)", async () => {
    const pull = own(new Pull())
    const push = own(new Push())
    push.connect(await pull.bind(address()))
    for (const n of ["1", "2", "3"]) expect(push.send(say("a", n))).toBe(true)
    for (const n of ["1", "2", "3"]) expect(await read(pull)).toEqual(["a", n])
  })

  it("Pull and Sub may borrow: octets are good during the call, wherever reads end", async () => {
    const wanted = Array.from({ length: 300 }, (_, i) => new Uint8Array(i * 37).fill(i))
    const got: Uint8Array[][] = []
    const all = deferred<void>()
    const onBatch = (batch: FrameBatch) => {
      for (let i = 0; i < batch.count; i++) got.push(batch.message(i).map(frame => frame.slice()))
      if (got.length === wanted.length) all.resolve()
    }
    const pull = own(new Pull({ borrow: true, onBatch }))
    const push = own(new Push())
    push.connect(await pull.bind(address()))
    for (const frame of wanted) while (!push.send([frame, utf8("end")])) await push.drained()
    await all.promise
    expect(got).toEqual(wanted.map(frame => [frame, utf8("end")]))
    expect(() => new Sub({ borrow: true })).toThrow(expect.objectContaining({ code: "BadOption" }))
  })

  it("Router names its dealers, by their identity or one it gives (Q5)", async () => {
    const router = own(new Router())
    const named = own(new Dealer({ identity: utf8("bob") }))
    const nameless = own(new Dealer())
    const at = await router.bind(address())
    named.connect(at)
    named.send(say("hello"))
    expect(await read(router)).toEqual(["bob", "hello"])
    nameless.connect(at)
    nameless.send(say("hello"))
    const [identity] = (await router.receive())!
    expect(identity).toHaveLength(5)
    expect(identity![0]).toBe(0)
    expect(router.send([identity!, utf8("yes"), new Uint8Array(100_000)])).toBe(true)
    const answer = (await nameless.receive())!
    expect(answer.map(frame => frame.length)).toEqual([3, 100_000])
    expect(router.send(say("nobody", "x"))).toBe(false)
  })

  it("Push makes a second connection to an address it dials again, Dealer none", async () => {
    const pull = own(new Pull())
    const push = own(new Push())
    const at = await pull.bind(address())
    push.connect(at)
    push.connect(at)
    const sent = ["1", "2", "3", "4", "5", "6"]
    for (const n of sent) push.send(say(n))
    const heard: string[] = []
    for (let i = 0; i < sent.length; i++) heard.push((await read(pull))![0]!)
    expect(heard.sort()).toEqual(sent)
    expect([push.peers.length, pull.peers.length]).toEqual([2, 2])
    const gone = new Promise<void>(resolve => {
      let lost = 0
      pull.events.on("disconnected", () => ++lost === 2 && resolve())
    })
    push.disconnect(at)
    await gone
    expect(() => push.disconnect(at)).toThrow(expect.objectContaining({ code: "BadAddress" }))
    const router = own(new Router())
    const dealer = own(new Dealer())
    const there = await router.bind(address())
    dealer.connect(there)
    dealer.connect(there)
    for (const n of ["1", "2"]) dealer.send(say(n))
    for (const n of ["1", "2"]) expect(fromUtf8((await router.receive())![1]!)).toBe(n)
    expect(router.peers).toHaveLength(1)
  })

  it("XPub sends to those who subscribed, and hears when they come and go (S1, S6)", async () => {
    const xpub = own(new XPub())
    const sub = own(new Sub())
    sub.subscribe(utf8("a"))
    sub.connect(await xpub.bind(address()))
    expect(await read(xpub)).toEqual(["\x01a"])
    for (const topic of ["abc", "b", "a"]) xpub.send([utf8(topic), new Uint8Array(3_000)])
    expect((await sub.receive())!.map(frame => frame.length)).toEqual([3, 3_000])
    expect((await sub.receive())!.map(frame => frame.length)).toEqual([1, 3_000])
    await sub.close()
    expect(await read(xpub)).toEqual(["\x00a"])
  })
})

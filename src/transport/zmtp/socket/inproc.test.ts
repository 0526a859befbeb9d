import { describe, expect, it } from "vitest"
import { deferred } from "../../../core/deferred.ts"
import { Pub } from "./pub.ts"
import { Pull } from "./pull.ts"
import { Push } from "./push.ts"
import { Sub } from "./sub.ts"

const long = (fill: number) => new Uint8Array(64 * 1024).fill(fill)

describe("inproc", () => {
  it("shows a receiver that borrows the sender's own octets", async () => {
    const seen = deferred<Uint8Array[]>()
    await using pull = new Pull({ borrow: true, onBatch: batch => seen.resolve(batch.message(0)) })
    await using push = new Push()
    push.connect(await pull.bind("inproc://lent"))
    const [topic, body] = [Uint8Array.of(1), long(2)]
    push.send([topic, body])
    const [first, second] = await seen.promise
    expect(first).toEqual(topic)
    expect(second!.buffer === body.buffer).toBe(true)
  })

  it("gives a receiver that keeps octets of its own, and the sender its own back when nothing is queued", async () => {
    await using pull = new Pull()
    await using push = new Push()
    push.connect(await pull.bind("inproc://kept"))
    const body = long(1)
    push.send([body])
    expect(push.queued).toBe(1)
    const [kept] = (await pull.receive())!
    while (push.queued > 0) await push.nextTurn()
    body.fill(9)
    expect(kept).toEqual(long(1))
  })

  it("counts what a paused reader has not read as queued, so that limits hold", async () => {
    await using pull = new Pull({ receiveHighWaterMark: 1 })
    await using push = new Push({ sendLimits: { messages: 3 } })
    push.connect(await pull.bind("inproc://limits"))
    push.send([Uint8Array.of(0)])
    const body = new Uint8Array(8 * 1024)
    let sent = 1
    // A few are with the reader, which then pauses; what is lent to it counts as the sender's still.
    for (let turn = 0; turn < 40; turn++) {
      if (push.send([body])) sent++
      await push.nextTurn()
    }
    expect(sent).toBeLessThanOrEqual(8)
    for (let i = 0; i < sent; i++) expect((await pull.receive())!.length).toBe(1)
  })

  it("lends one message to several subscribers, with what follows it in order", async () => {
    await using pub = new Pub()
    const address = await pub.bind("inproc://several")
    const got: number[][] = [[], []]
    const all = [deferred<void>(), deferred<void>()]
    const subs = got.map((list, i) => {
      const onBatch = (batch: { count: number; frame(index: number, part: number): Uint8Array }) => {
        for (let k = 0; k < batch.count; k++) list.push(batch.frame(k, 0)[0]!)
        if (list.length === 3) all[i]!.resolve()
      }
      const sub = new Sub({ borrow: i === 0, onBatch })
      sub.subscribe(new Uint8Array(0))
      sub.connect(address)
      return sub
    })
    while (pub.subscribers < 2) await pub.nextTurn()
    for (const frame of [Uint8Array.of(1), long(2), Uint8Array.of(3)]) pub.send([frame])
    await Promise.all(all.map(one => one.promise))
    expect(got).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ])
    for (const sub of subs) await sub.close()
  })
})

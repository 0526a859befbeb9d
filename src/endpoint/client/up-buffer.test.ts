import { describe, expect, it } from "vitest"
import { readU64, writeU64 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { At, Flag, headerBytes } from "../../message/header.ts"
import { encodeTopic, TopicKind } from "../../message/topic.ts"
import { TopicTable } from "../topic-table.ts"
import { UpBuffer } from "./up-buffer.ts"

const topic = new TopicTable(1).of(encodeTopic(TopicKind.Nearest, "a"))

/** An up buffer and a push leg that takes `credit` frames, then none. */
function setUp(options: { readonly messagesMax?: number; readonly bytesMax?: number; readonly credit?: number } = {}) {
  const leg = { isUp: true, credit: options.credit ?? Number.POSITIVE_INFINITY }
  const sent: { number: number; again: boolean; prompt: boolean; session: number; payload: Uint8Array }[] = []
  const statistics = { resent: 0 }
  const pusher = {
    send(frames: readonly Uint8Array[]): boolean {
      if (leg.credit === 0) return false
      leg.credit--
      const header = frames[1]!
      sent.push({
        number: readU64(header, At.LegNumber),
        again: (header[At.Flags]! & Flag.Again) !== 0,
        prompt: (header[At.Flags]! & Flag.Prompt) !== 0,
        session: header[At.Session]!,
        payload: frames[2]!,
      })
      return true
    },
  }
  const buffer = new UpBuffer({
    messagesMax: options.messagesMax ?? 100,
    bytesMax: options.bytesMax ?? 1_000_000,
    referenceBytes: 1000,
    pusher: () => (leg.isUp ? pusher : undefined),
    statistics,
    traffic: { messagesOut: 0, bytesOut: 0 },
    isOwn: () => true,
  })
  const push = (payload = new Uint8Array(1)) => buffer.push(topic, new Uint8Array(headerBytes), payload)
  const numbers = () => sent.splice(0).map(({ number, again }) => `${number}${again ? " again" : ""}`)
  return { buffer, leg, sent, statistics, push, numbers }
}

const session = (fill: number) => new Uint8Array(16).fill(fill)

describe("UpBuffer", () => {
  it("sends at once while the leg takes it, keeps the rest in order, and sends that when there is room", () => {
    const { buffer, leg, push, numbers } = setUp({ credit: 2 })
    for (let n = 0; n < 4; n++) expect(push()).toBe(true)
    leg.credit = 1
    expect(push()).toBe(true)
    expect(numbers()).toEqual(["1", "2"])
    buffer.pump()
    expect(numbers()).toEqual(["3"])
    expect([buffer.sent, buffer.last]).toEqual([3, 5])
  })

  it("refuses when full, and calls back once when something was rooted", () => {
    const { buffer, push } = setUp({ messagesMax: 2 })
    push()
    push()
    expect([push(), buffer.refused, buffer.last]).toEqual([false, true, 2])
    let called = 0
    buffer.onRoom(() => called++)
    buffer.acknowledge(2, 0, false)
    expect([called, buffer.refused]).toEqual([0, true])
    buffer.acknowledge(2, 1, false)
    buffer.acknowledge(2, 2, false)
    expect([called, buffer.refused, push()]).toEqual([1, false, true])
  })

  it("from half full on, asks now and then for the ack at once", () => {
    const prompts = (fill: ReturnType<typeof setUp>) =>
      fill.sent.filter(({ prompt }) => prompt).map(({ number }) => number)
    const many = setUp({ messagesMax: 32 })
    for (let n = 0; n < 32; n++) expect(many.push()).toBe(true)
    expect(prompts(many)).toEqual([16, 20, 24, 28, 32])
    const large = setUp({ bytesMax: 8 * (headerBytes + 1000) })
    for (let n = 0; n < 8; n++) expect(large.push(new Uint8Array(1000))).toBe(true)
    expect(prompts(large)).toEqual([4, 5, 6, 7, 8])
    const single = setUp({ messagesMax: 1 })
    single.push()
    expect(prompts(single)).toEqual([1])
  })

  it("resolves whoever waits when the tier covers the number, and not before", async () => {
    const { buffer, push } = setUp()
    const told: string[] = []
    for (let n = 1; n <= 2; n++) {
      push()
      for (const tier of ["received", "rooted"] as const)
        void buffer.acknowledged(n, tier).then(() => told.push(`${tier} ${n}`))
    }
    buffer.acknowledge(1, 0, false)
    await buffer.acknowledged(1, "received")
    expect(told).toEqual(["received 1"])
    buffer.acknowledge(1, 2, false)
    await buffer.acknowledged(2, "rooted")
    // What is rooted was received.
    expect(told).toEqual(["received 1", "received 2", "rooted 1", "rooted 2"])
  })

  it("an aborted wait rejects and leaves the others be", async () => {
    const { buffer, push } = setUp()
    push()
    const abort = new AbortController()
    const aborted = buffer.acknowledged(1, "rooted", abort.signal)
    const other = buffer.acknowledged(1, "rooted")
    abort.abort()
    await expect(aborted).rejects.toMatchObject({ code: "Aborted" })
    buffer.acknowledge(1, 1, false)
    await other
  })

  it("after a rejoin sends what the host has not received, under the new session, and marks it", () => {
    const { buffer, leg, statistics, sent, push } = setUp({ credit: 3 })
    buffer.joined(session(1), 0, 0)
    for (let n = 0; n < 4; n++) push()
    leg.isUp = false
    push()
    sent.splice(0)
    buffer.joined(session(2), 2, 1)
    buffer.resendAfter(2)
    expect([buffer.first, sent.length]).toEqual([2, 0])
    Object.assign(leg, { isUp: true, credit: 10 })
    buffer.pump()
    expect(sent.map(({ number, again, session }) => [number, again, session])).toEqual([
      [3, true, 2],
      [4, false, 2],
      [5, false, 2],
    ])
    expect(statistics.resent).toBe(1)
  })

  it("a host without memory of us gets all that was not rooted", () => {
    const { buffer, push, numbers } = setUp()
    for (let n = 0; n < 4; n++) push()
    buffer.acknowledge(4, 2, false)
    numbers()
    buffer.joined(session(2), 0, 0)
    buffer.resendAfter(0)
    buffer.pump()
    expect(numbers()).toEqual(["3 again", "4 again"])
  })

  it("goes back to where an ACK says that the host misses something", () => {
    const { buffer, push, numbers } = setUp()
    for (let n = 0; n < 3; n++) push()
    numbers()
    buffer.acknowledge(1, 0, false)
    expect(numbers()).toEqual([])
    buffer.acknowledge(1, 0, true)
    expect(numbers()).toEqual(["2 again", "3 again"])
  })

  it("sends a copy of what a transport keeps by reference, for the caller's octets are the caller's again", () => {
    const { sent, push } = setUp()
    const [short, long] = [new Uint8Array(999), new Uint8Array(1000).fill(7)]
    push(short)
    push(long)
    expect(sent[0]!.payload).toBe(short)
    long.fill(0)
    expect(sent[1]!.payload).toEqual(new Uint8Array(1000).fill(7))
  })

  it("says which sequence number of each topic it keeps first", () => {
    const { buffer, push } = setUp()
    const other = new TopicTable(1).of(encodeTopic(TopicKind.Nearest, "b"))
    const header = (sequence: number) => {
      const octets = new Uint8Array(headerBytes)
      writeU64(octets, At.Sequence, sequence)
      return octets
    }
    push()
    for (const [to, sequence] of [
      [topic, 5],
      [other, 9],
      [topic, 6],
    ] as const)
      buffer.push(to, header(sequence), new Uint8Array(1))
    buffer.acknowledge(1, 1, false)
    expect([...buffer.firstSequences()]).toEqual([
      [topic, 5],
      [other, 9],
    ])
  })

  it("at the end whoever waits is told why, also for room, and later waits too", async () => {
    const { buffer, push } = setUp()
    push()
    const waiting = buffer.acknowledged(1, "received")
    let called = false
    buffer.onRoom(() => (called = true))
    buffer.end(new ZincError("PeerLost", "gone"))
    await expect(waiting).rejects.toMatchObject({ code: "PeerLost" })
    expect(called).toBe(true)
    await expect(buffer.acknowledged(1, "received")).rejects.toMatchObject({ code: "Closed" })
  })
})

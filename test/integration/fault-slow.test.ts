/** Subscribers that stop reading, under a flood: they cost the host a bounded memory, and the other clients nothing. */
import { describe, expect, it } from "vitest"
import type { SlowPolicy } from "../../src/endpoint/index.ts"
import { hasNative } from "./harness/carriage.ts"
import { expectHolesTold } from "./harness/expectation.ts"
import { compare, ratio, ratioMax } from "./harness/latency.ts"
import { RawJoiner } from "./harness/raw-joiner.ts"
import { Scene } from "./harness/scene.ts"

const megabyte = 1024 * 1024
const hwm = { messages: 10_000, bytes: 4 * megabyte }
const replay = { bytes: 4 * megabyte }
const stalled = 3

describe.each<{ policy: SlowPolicy }>([
  { policy: "disconnect" },
  { policy: "conflate" },
  { policy: "dropOldest" },
  { policy: "warn" },
])("Under the policy $policy", ({ policy }) => {
  it("a subscriber that stops reading harms itself only", async () => {
    await using scene = new Scene()
    const host = await scene.host("zmtp", { name: "hub", slow: { policy, hwm, maxLagMs: 60_000 }, replay })
    const [writer, reader, sleeper] = await Promise.all(
      ["writer", "reader", "sleeper"].map(name => scene.client("zmtp", host.address, { name })),
    )
    await Promise.all([
      reader!.handle("probe"),
      reader!.handle("flood", { timed: false }),
      sleeper!.handle("flood", { timed: false }),
    ])
    // A flood of 8 MB/s: what a stalled subscriber may have waiting is full within a second.
    await host.write({ topic: "flood", perSecond: 2000, bytes: 4096 })
    await writer!.write({ topic: "probe", perSecond: 300 })
    await Promise.all([reader!.until("flood", host, 2000), sleeper!.until("flood", host, 2000)])
    const before = await host.memory()

    const stall = async () => {
      const raws = await Promise.all(
        Array.from({ length: stalled }, () => RawJoiner.open(host.address, {}, ["nflood\0"])),
      )
      for (const raw of raws) raw.stall()
      return raws
    }
    const comparison = await compare({
      readers: [reader!],
      rounds: 5,
      windowMs: 400,
      noise: async () => {
        const raws = await stall()
        return async () => {
          for (const raw of raws) raw.destroy()
        }
      },
    })
    expect(ratio(comparison), JSON.stringify(comparison)).toBeLessThanOrEqual(ratioMax)

    // All at once, and a well-made client whose process is stopped: the policy acts on each.
    const seen = host.events.length
    const raws = await stall()
    sleeper!.pause()
    const acted = (name: string) =>
      host.event("slow", told => told.acted === policy && (told.peer as { name: string }).name === name, {
        after: seen,
      })
    await Promise.all([acted("raw"), acted("sleeper")])
    const during = await host.memory()
    // What waits for each of them, what conflation keeps beside it, and the ring.
    const caps = (stalled + 1) * hwm.bytes * (policy === "conflate" ? 2 : 1) + replay.bytes
    for (const kind of ["held", "rss"] as const) {
      expect(during[kind], kind).toBeLessThan(before[kind] + caps + 32 * megabyte)
    }
    const past = sleeper!.events.length
    sleeper!.resume()
    for (const raw of raws) raw.destroy()
    if (policy === "disconnect") {
      await sleeper!.event("tooSlow", undefined, { after: past })
      const back = await sleeper!.event("joined", undefined, { after: past })
      expect(back.resumed).toBe(false)
    }

    await host.wroteMore("flood", 1000)
    const flood = await host.stop("flood")
    const probe = await writer!.stop("probe")
    const atSleeper = await sleeper!.until("flood", host, flood.sent)
    expect(atSleeper).toMatchObject({ first: 1, again: 0 })
    if (policy !== "disconnect") expect(sleeper!.eventsOf("left")).toEqual([])
    // Conflated frames stand for what was left out; whatever else is missing was told.
    if (policy === "conflate") expect(atSleeper.holes.length).toBeGreaterThan(0)
    else expectHolesTold(atSleeper, sleeper!.eventsOf("gap"))
    expect(await reader!.until("flood", host, flood.sent)).toMatchObject({ first: 1, again: 0, holes: [] })
    expect(await reader!.until("probe", writer!, probe.sent)).toMatchObject({ count: probe.sent, again: 0, holes: [] })
    for (const other of [reader!, writer!]) {
      expect((await other.report()).statistics).toMatchObject({ joins: 1, reconnects: 0, gaps: 0 })
    }
  })
})

it("Under the policy die a client that stops reading is closed for good, and says why; the others lack nothing", async () => {
  await using scene = new Scene()
  const host = await scene.host("zmtp", { name: "hub", slow: { policy: "die", hwm, maxLagMs: 60_000 }, replay })
  const [reader, sleeper] = await Promise.all(
    ["reader", "sleeper"].map(name => scene.client("zmtp", host.address, { name })),
  )
  await Promise.all([reader!.handle("flood", { timed: false }), sleeper!.handle("flood", { timed: false })])
  await host.write({ topic: "flood", perSecond: 2000, bytes: 4096 })
  await Promise.all([reader!.until("flood", host, 500), sleeper!.until("flood", host, 500)])
  sleeper!.pause()
  await host.event("slow", told => told.acted === "die" && (told.peer as { name: string }).name === "sleeper")
  await host.event("left", told => (told.peer as { name: string }).name === "sleeper" && told.code === "TooSlow")
  sleeper!.resume()
  await sleeper!.event("tooSlow", told => told.policy === "die")
  await sleeper!.event("left", told => told.code === "TooSlow")
  const { sent } = await host.stop("flood")
  expect(await reader!.until("flood", host, sent)).toMatchObject({ first: 1, again: 0, holes: [] })
  expect(sleeper!.eventsOf("joined")).toEqual([])
  expect((await reader!.report()).statistics).toMatchObject({ joins: 1, reconnects: 0, gaps: 0 })
})

it.skipIf(!hasNative)("A host on libzmq keeps for a stopped client what its limits allow, and no more", async () => {
  await using scene = new Scene()
  const messages = 1000
  const host = await scene.host("native", { name: "hub", slow: { policy: "warn", hwm: { messages } }, replay })
  const [reader, sleeper] = await Promise.all(
    ["reader", "sleeper"].map(name => scene.client("native", host.address, { name })),
  )
  await Promise.all([reader!.handle("flood"), sleeper!.handle("flood")])
  await host.write({ topic: "flood", perSecond: 2000, bytes: 4096 })
  await Promise.all([reader!.until("flood", host, 2000), sleeper!.until("flood", host, 2000)])
  const before = await host.memory()
  sleeper!.pause()
  // What its kernel takes, what may wait, and as much again to be dropped.
  await host.wroteMore("flood", 4 * messages)
  const during = await host.memory()
  for (const kind of ["held", "rss"] as const) {
    expect(during[kind], kind).toBeLessThan(before[kind] + messages * 5000 + replay.bytes + 32 * megabyte)
  }
  sleeper!.resume()
  await host.wroteMore("flood", 1000)
  const { sent } = await host.stop("flood")
  const atSleeper = await sleeper!.until("flood", host, sent)
  expect(atSleeper).toMatchObject({ first: 1, again: 0 })
  expectHolesTold(atSleeper, sleeper!.eventsOf("gap"))
  expect(await reader!.until("flood", host, sent)).toMatchObject({ count: sent, again: 0, holes: [] })
  expect((await reader!.report()).statistics).toMatchObject({ joins: 1, reconnects: 0, gaps: 0 })
})

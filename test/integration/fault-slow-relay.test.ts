/** A relay that does not keep up, on real sockets: its clients are offered another host before it is cut off (decision 142). */
import { expect, it } from "vitest"
import { HeldSubscription } from "./harness/held-subscription.ts"
import { Scene } from "./harness/scene.ts"

const kilobyte = 1024
/** Few heartbeats, for they are the measure of how long its clients may take. */
const patient = { heartbeatMs: 1000, heartbeatMisses: 40 }

it("has its clients join the host above it, which miss nothing, and only then is it cut off", async () => {
  await using scene = new Scene()
  const slow = { policy: "disconnect", hwm: { messages: 100_000, bytes: 256 * kilobyte }, maxLagMs: 600_000 } as const
  const replay = { bytes: 256 * kilobyte * kilobyte }
  const host = await scene.host("zmtp", { name: "hub", ...patient, slow, replay })
  await using link = await HeldSubscription.open(host.address)
  const snail = await scene.client("zmtp", link.address, {
    name: "snail",
    listen: "tcp://127.0.0.1:0",
    ...patient,
    slow: { maxLagMs: 600_000 },
  })
  const clients = await Promise.all(
    ["p", "q"].map(name => scene.client("zmtp", snail.address, { name, joinTimeoutMs: 20_000 })),
  )
  // Once they have gone the snail follows still: else it would have nothing to be slow with.
  for (const each of [snail, ...clients]) await each.handle("flood", { timed: false })
  for (const { id } of clients)
    await host.event("arrived", told => (told.member as { endpointId?: string; id?: string }).id === id)
  await host.write({ topic: "flood", perSecond: 1000, bytes: 8 * kilobyte })
  await Promise.all(clients.map(each => each.until("flood", host, 50)))

  link.hold()
  const moves = await Promise.all(clients.map(each => each.event("moved")))
  for (const { reason } of moves) expect(reason).toBe("its host does not keep up with the host above it")
  const cut = await host.event("left", told => (told.peer as { name: string }).name === "snail")
  expect(cut.code).toBe("TooSlow")
  const joined = host.events.filter(
    ({ event, peer }) => event === "joined" && ["p", "q"].includes((peer as { name: string }).name),
  )
  expect(joined).toHaveLength(2)
  for (const each of joined) expect(host.events.indexOf(each)).toBeLessThan(host.events.indexOf(cut))

  const { sent } = await host.stop("flood")
  for (const each of clients) {
    expect(await each.until("flood", host, sent)).toMatchObject({
      first: 1,
      last: sent,
      count: sent,
      again: 0,
      holes: [],
    })
    expect((await each.report()).statistics.gaps).toBe(0)
    expect(each.eventsOf("left").length).toBeLessThanOrEqual(1)
  }
})

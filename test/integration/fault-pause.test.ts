/** Processes stopped with SIGSTOP for a while: nothing is dead that merely slept. */
import { describe, expect, it } from "vitest"
import { carriages } from "./harness/carriage.ts"
import type { EndpointProcess } from "./harness/endpoint-process.ts"
import { expectHolesTold } from "./harness/expectation.ts"
import { lasting, Scene } from "./harness/scene.ts"

const pauseMs = 3000

/** Nobody lost a session, left or came again. */
async function expectUndisturbed(host: EndpointProcess, clients: readonly EndpointProcess[]): Promise<void> {
  expect(host.eventsOf("left")).toEqual([])
  expect((await host.report()).statistics.joins).toBe(clients.length)
  for (const client of clients) {
    expect(client.eventsOf("left")).toEqual([])
    expect(client.eventsOf("gap")).toEqual([])
    expect((await client.report()).statistics).toMatchObject({ joins: 1, reconnects: 0, gaps: 0 })
  }
}

describe.concurrent.each(carriages)("over $transport and $scheme", ({ transport, scheme }) => {
  it("a host paused for three seconds loses no session and no message", async () => {
    await using scene = new Scene()
    const host = await scene.host(transport, { name: "hub" }, { address: scene.listen(scheme) })
    const a = await scene.client(transport, host.address, { name: "a" })
    const b = await scene.client(transport, host.address, { name: "b" })
    await Promise.all([a.handle("b"), b.handle("a"), a.handle("h"), b.handle("h")])
    await a.write({ topic: "a", perSecond: 500 })
    await b.write({ topic: "b", perSecond: 500 })
    await host.write({ topic: "h", perSecond: 500 })
    await Promise.all([a.until("b", b, 100), b.until("a", a, 100), a.until("h", host, 100)])

    host.pause()
    await Promise.all([lasting(pauseMs), a.wroteMore("a", 500), b.wroteMore("b", 500)])
    host.resume()

    await a.wroteMore("a", 100)
    const [fromA, fromB, fromHost] = [await a.stop("a"), await b.stop("b"), await host.stop("h")]
    await Promise.all([a.until("b", b, fromB.sent), b.until("a", a, fromA.sent), a.until("h", host, fromHost.sent)])
    await b.until("h", host, fromHost.sent)
    for (const stream of [...(await a.report()).streams, ...(await b.report()).streams]) {
      expect(stream).toMatchObject({ first: 1, again: 0, holes: [] })
      expect(stream.count).toBe(stream.last)
    }
    await expectUndisturbed(host, [a, b])
  })

  it("a client paused for three seconds gets everything sent meanwhile, in its old session", async () => {
    await using scene = new Scene()
    const host = await scene.host(transport, { name: "hub" }, { address: scene.listen(scheme) })
    const writer = await scene.client(transport, host.address, { name: "writer" })
    const sleeper = await scene.client(transport, host.address, { name: "sleeper" })
    const reader = await scene.client(transport, host.address, { name: "reader" })
    await Promise.all([sleeper.handle("w"), reader.handle("w"), reader.handle("s")])
    await writer.write({ topic: "w", perSecond: 500 })
    await sleeper.write({ topic: "s", perSecond: 500 })
    await Promise.all([sleeper.until("w", writer, 100), reader.until("s", sleeper, 100)])

    sleeper.pause()
    await Promise.all([lasting(pauseMs), writer.wroteMore("w", 500)])
    sleeper.resume()

    await sleeper.wroteMore("s", 100)
    const [fromWriter, fromSleeper] = [await writer.stop("w"), await sleeper.stop("s")]
    for (const each of [sleeper, reader]) {
      const stream = await each.until("w", writer, fromWriter.sent)
      expect(stream).toMatchObject({ first: 1, count: fromWriter.sent, again: 0, holes: [] })
    }
    const stream = await reader.until("s", sleeper, fromSleeper.sent)
    expect(stream).toMatchObject({ first: 1, count: fromSleeper.sent, again: 0, holes: [] })
    await expectUndisturbed(host, [writer, sleeper, reader])
  })

  // The session is kept long enough that a busy machine's stutter is not taken for the pause.
  it.each([
    { name: "repairs what the host still keeps", messages: 65_536, told: false },
    { name: "is told of what the host no longer keeps", messages: 200, told: true },
  ])("a client paused beyond its session joins again and $name", async ({ messages, told }) => {
    await using scene = new Scene()
    const options = { name: "hub", sessionKeepMs: 3000, replay: { messages } }
    const host = await scene.host(transport, options, { address: scene.listen(scheme) })
    const writer = await scene.client(transport, host.address, { name: "writer" })
    const sleeper = await scene.client(transport, host.address, { name: "sleeper" })
    const reader = await scene.client(transport, host.address, { name: "reader" })
    await Promise.all([sleeper.handle("w"), reader.handle("w"), reader.handle("s")])
    await writer.write({ topic: "w", perSecond: 1000 })
    await sleeper.write({ topic: "s", perSecond: 500 })
    await Promise.all([sleeper.until("w", writer, 100), reader.until("s", sleeper, 100)])

    sleeper.pause()
    await host.event("left", event => (event.peer as { id: string }).id === sleeper.id)
    // The network itself keeps some of what was sent before; more than that, and more than the ring, must pass.
    await writer.wroteMore("w", 1000)
    const before = host.events.length
    sleeper.resume()
    const back = await host.event("joined", event => (event.peer as { id: string }).id === sleeper.id, {
      after: before,
    })
    expect(back.resumed).toBe(false)

    await sleeper.wroteMore("s", 100)
    const [fromWriter, fromSleeper] = [await writer.stop("w"), await sleeper.stop("s")]
    const atSleeper = await sleeper.until("w", writer, fromWriter.sent)
    expect(atSleeper).toMatchObject({ first: 1, again: 0 })
    if (told) {
      expect(atSleeper.holes.length).toBeGreaterThan(0)
      expectHolesTold(atSleeper, sleeper.eventsOf("gap"))
    } else {
      expect(atSleeper).toMatchObject({ count: fromWriter.sent, holes: [] })
      expect(sleeper.eventsOf("gap")).toEqual([])
    }
    // Its own messages are all there, once, and the others noticed nothing.
    const own = await reader.until("s", sleeper, fromSleeper.sent)
    expect(own).toMatchObject({ first: 1, count: fromSleeper.sent, again: 0, holes: [] })
    const stream = await reader.until("w", writer, fromWriter.sent)
    expect(stream).toMatchObject({ first: 1, count: fromWriter.sent, again: 0, holes: [] })
    expect((await writer.report()).statistics).toMatchObject({ joins: 1, reconnects: 0, gaps: 0 })
    expect((await reader.report()).statistics).toMatchObject({ joins: 1, reconnects: 0, gaps: 0 })
  })
})

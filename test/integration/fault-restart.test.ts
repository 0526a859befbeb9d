/** Processes killed with SIGKILL and started again, under load. */
import { describe, expect, it } from "vitest"
import { carriages } from "./harness/carriage.ts"
import type { EndpointProcess } from "./harness/endpoint-process.ts"
import { expectHolesTold, expectWhole } from "./harness/expectation.ts"
import { Scene } from "./harness/scene.ts"

describe.concurrent.each(carriages)("over $transport and $scheme", ({ transport, scheme }) => {
  it("a client killed and started again is seen to leave and to join, and costs the others nothing", async () => {
    await using scene = new Scene()
    // Who is dead is not judged by its lag before that is known.
    const options = { name: "hub", sessionKeepMs: 3000, slow: { maxLagMs: 60_000 } }
    const host = await scene.host(transport, options, { address: scene.listen(scheme) })
    const writer = await scene.client(transport, host.address, { name: "writer" })
    const reader = await scene.client(transport, host.address, { name: "reader" })
    const victim = await scene.client(transport, host.address, { name: "victim" })
    await Promise.all([reader.handle("a"), reader.handle("v"), victim.handle("a"), host.handle("a"), host.handle("v")])
    await writer.write({ topic: "a", perSecond: 1000 })
    await victim.write({ topic: "v", perSecond: 500 })
    await Promise.all([reader.until("v", victim, 200), victim.until("a", writer, 200)])

    await victim.kill()
    const left = await host.event("left", told => (told.peer as { id: string }).id === victim.id)
    expect(left.code).toBe("PeerLost")

    const again = await scene.client(transport, host.address, { name: "victim" })
    expect(again.id).not.toBe(victim.id)
    await host.event("joined", told => (told.peer as { id: string }).id === again.id)
    await again.handle("a")
    await again.write({ topic: "v", perSecond: 500, count: 300 })
    await again.written("v")
    await reader.until("v", again, 300)
    const { sent } = await writer.stop("a")
    await writer.flushed()
    await Promise.all([reader.until("a", writer, sent), host.until("a", writer, sent), again.until("a", writer, sent)])

    for (const other of [reader, host]) {
      expectWhole(await other.stream("a", writer), sent)
      expectWhole(await other.stream("v", again), 300)
      // Of the killed one a beginning came, whole: nothing twice, nothing left out.
      const cut = await other.stream("v", victim)
      expectWhole(cut, cut.last)
      expect((await other.report()).statistics).toMatchObject({ gaps: 0 })
    }
    expectWhole(await again.stream("a", writer), sent)
    for (const untouched of [writer, reader]) {
      expect((await untouched.report()).statistics).toMatchObject({ joins: 1, reconnects: 0 })
      expect(untouched.eventsOf("left")).toEqual([])
    }
  })

  it("after the host is killed and started again the clients come back and send what was not rooted", async () => {
    await using scene = new Scene()
    const host = await scene.host(transport, { name: "hub" }, { address: scene.listen(scheme) })
    const reconnect = { minMs: 20, maxMs: 200 }
    const join = (name: string) => scene.client(transport, host.address, { name, reconnect })
    const [a, b, reader] = [await join("a"), await join("b"), await join("reader")] as const
    const writers: [string, EndpointProcess][] = [
      ["a", a],
      ["b", b],
    ]
    const readers = [reader, a, b]
    for (const [topic] of writers) for (const each of readers) await each.handle(topic)
    for (const [topic, writer] of writers) await writer.write({ topic, perSecond: 500, ack: true })
    for (const [topic, writer] of writers) await reader.until(topic, writer, 200)

    // A pause before the kill leaves frames with the dying host that nobody will ever acknowledge.
    host.pause()
    await Promise.all(writers.map(([topic, writer]) => writer.wroteMore(topic, 100)))
    await host.kill()
    const rooted = new Map<string, number>()
    for (const [topic, writer] of writers) rooted.set(topic, (await writer.writing(topic)).rooted)
    const successor = await scene.host(transport, { name: "hub" }, { address: host.address })
    expect(successor.id).not.toBe(host.id)

    for (const each of readers) {
      const told = await each.event("regenerated")
      expect(told.host).toBe(successor.id)
    }
    for (const [topic] of writers) await successor.handle(topic)
    for (const [topic, writer] of writers) await writer.wroteMore(topic, 300)
    for (const [topic, writer] of writers) {
      const { sent } = await writer.stop(topic)
      await writer.flushed()
      for (const each of readers) {
        if (each === writer) continue
        await each.until(topic, writer, sent)
        const stream = await each.stream(topic, writer)
        expect(stream).toMatchObject({ first: 1, last: sent, again: 0 })
        // What the dead root alone had may be lost, and then it is told; what the writer still had may not.
        expectHolesTold(stream, each.eventsOf("gap"))
        for (const [, through] of stream.holes) expect(through).toBeLessThanOrEqual(rooted.get(topic)!)
      }
      const { statistics } = await writer.report()
      expect(statistics.resent).toBeGreaterThan(0)
      expect(statistics).toMatchObject({ joins: 1, reconnects: 1 })
    }
  })
})

/** A relay in the middle of a tree of processes is lost or closed, under load: those below it go on at another host. */
import { describe, expect, it } from "vitest"
import { carriages } from "./harness/carriage.ts"
import type { EndpointProcess } from "./harness/endpoint-process.ts"
import { expectHolesTold, expectWhole } from "./harness/expectation.ts"
import { Scene } from "./harness/scene.ts"

describe.each(carriages)("over $transport and $scheme", ({ transport, scheme }) => {
  const losses = scheme === "tcp" ? (["killed", "stopped", "closed"] as const) : (["killed"] as const)

  it.each(losses)("a relay that is %s", async how => {
    await using scene = new Scene()
    const listen = () => scene.listen(scheme)
    // Only the victim's clients judge it by three heartbeats: the others' hosts may be kept waiting by a busy machine.
    const slow = { maxLagMs: 60_000 }
    const patient = { slow, heartbeatMisses: 40 }
    const root = await scene.host(transport, { name: "root", ...patient }, { address: listen() })
    const relay = (name: string, host: EndpointProcess, hosting: object = patient) =>
      scene.client(transport, host.address, { name, listen: listen(), joinTimeoutMs: 20_000, ...hosting })
    const leaf = (name: string, host: EndpointProcess) =>
      scene.client(transport, host.address, { name, joinTimeoutMs: 20_000 })
    const top = await relay("top", root, { slow })
    const [a, b] = [await relay("a", top), await relay("b", top)]
    const [x, p, q, w] = [await leaf("x", top), await leaf("p", a), await leaf("q", b), await leaf("w", root)]
    const survivors = [root, a, b, x, p, q, w]
    const orphans = [a, b, x]
    for (const each of survivors) for (const topic of ["n", "o"]) await each.handle(topic)
    await Promise.all([w, q].map(each => each.openDocument("d")))
    await w.write({ topic: "n", perSecond: 200 })
    await p.write({ topic: "o", perSecond: 200, route: "ordered" })
    await w.edit("d", "w", 20)
    await q.edit("d", "q", 20)
    await Promise.all([q.until("n", w, 100), x.until("o", p, 100), q.marks("d", "w", 5), w.marks("d", "q", 5)])

    if (how === "killed") await top.kill()
    else if (how === "stopped") top.pause()
    else await top.close()

    await Promise.all(orphans.map(each => each.event("moved")))
    await Promise.all([w.wroteMore("n", 200), p.wroteMore("o", 200)])
    const written = { n: (await w.stop("n")).sent, o: (await p.stop("o")).sent }
    await Promise.all([w.flushed(), p.flushed()])
    for (const [topic, writer] of [
      ["n", w],
      ["o", p],
    ] as const) {
      for (const each of survivors) {
        if (each === writer) continue
        await each.until(topic, writer, written[topic])
        const stream = await each.stream(topic, writer)
        if (how === "closed") expectWhole(stream, written[topic])
        else {
          expect(stream.again).toBe(0)
          expectHolesTold(stream, each.eventsOf("gap"))
        }
      }
    }
    // Those below them stayed where they were.
    for (const each of [p, q]) expect(each.eventsOf("left")).toEqual([])

    await Promise.all([w.stopEditing("d"), q.stopEditing("d")])
    await Promise.all([w, q].map(each => each.acknowledged("d", "rooted")))
    for (;;) {
      const [one, other] = [await w.document("d"), await q.document("d")]
      if (one.version === other.version) {
        expect(other.text).toBe(one.text)
        break
      }
      await Promise.race([w.documentOtherThan("d", one), q.documentOtherThan("d", other)])
    }
  })
})

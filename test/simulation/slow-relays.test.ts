/** DESIGN §11: before a slow relay is cut off, its children are offered another host. */
import { describe, expect, it } from "vitest"
import type { EndpointEvent } from "../../src/endpoint/index.ts"
import { type Life, World } from "../../src/testing/simulation/index.ts"

describe("A relay that does not keep up", () => {
  it.each([1, 2, 3])("has its clients join the host above it before it is cut off: seed %i", async seed => {
    const world = new World({ seed })
    const patient = { heartbeatMs: 1000, sessionKeepMs: 60_000 }
    const slow = { policy: "disconnect", hwm: { messages: 50, bytes: 1_000_000 }, maxLagMs: 0 } as const
    const root = await world.until(world.host("root", { ...patient, slow }))
    const snail = await world.until(world.relay("snail", "root", { ...patient, reconnect: { minMs: 100, maxMs: 500 } }))
    const clients: Life[] = []
    for (const name of ["p", "q"]) clients.push(await world.until(world.join(name, "snail")))
    const happened: string[] = []
    const note = (life: Life, event: EndpointEvent) => {
      if (event.type === "moved") happened.push(`${life.name} moved: ${event.reason}`)
      if (event.type === "left" && life === root) happened.push(`${event.peer.name} left [${event.code}]`)
      if (event.type === "gap" && life !== snail) happened.push(`${life.name} has a gap`)
    }
    for (const life of [root, snail, ...clients]) life.endpoint!.on("*", event => note(life, event))
    // Else there is nothing to be slow with once its clients have gone.
    await world.until(snail.endpoint!.handle("t", () => {}).ready)
    const heard = new Map<string, number[]>()
    for (const { name, endpoint } of clients) {
      const values: number[] = []
      heard.set(name, values)
      const handling = endpoint!.handle("t", message => void values.push((message.value as { n: number }).n))
      await world.until(handling.ready)
    }
    // The root knows with the next heartbeat that somebody is below it.
    await world.run(2500)
    world.network.slow("snail", 20_000)
    let sent = 0
    while (sent < 3000 && !happened.includes("snail left [TooSlow]")) {
      root.endpoint!.send("t", { n: ++sent, padding: "x".repeat(1000) })
      await world.run(20)
    }
    await world.run(20_000)
    world.network.slow("snail", undefined)
    root.endpoint!.send("t", { n: ++sent, padding: "" })
    await world.run(3000)
    const reason = "its host does not keep up with the host above it"
    expect(happened.slice(0, 3).sort()).toEqual(
      [`p moved: ${reason}`, `q moved: ${reason}`, "snail left [TooSlow]"].sort(),
    )
    expect(happened.indexOf("snail left [TooSlow]")).toBe(2)
    expect(happened.filter(what => what.includes("gap"))).toEqual([])
    const all = Array.from({ length: sent }, (_, i) => i + 1)
    for (const [name, values] of heard) expect([name, values]).toEqual([name, all])
    // The snail comes back by itself, and its clients stay where they are.
    expect(root.endpoint!.members.map(({ name, host }) => [name, host === root.endpoint!.id])).toEqual(
      expect.arrayContaining([
        ["snail", true],
        ["p", true],
        ["q", true],
      ]),
    )
  })
})

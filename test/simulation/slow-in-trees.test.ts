/** DESIGN §11 below a relay: the policy acts there, on the one that falls behind, and nobody else notices. */
import { describe, expect, it } from "vitest"
import type { EndpointEvent, SlowPolicy } from "../../src/endpoint/index.ts"
import { type Life, World } from "../../src/testing/simulation/index.ts"

/** root ─ relay ─ quick, snail; and far at the root. The root sends; the snail has a slow line. */
async function scene(policy: SlowPolicy) {
  const world = new World({ seed: 11 })
  const slow = { policy, hwm: { messages: 50, bytes: 1_000_000 }, maxLagMs: 0 }
  const root = await world.until(world.host("root", { slow }))
  // Over a line so slow that heartbeats come late the snail would take its host for dead, and look for another.
  const patient = { heartbeatMs: 5_000, sessionKeepMs: 60_000 }
  const relay = await world.until(world.relay("relay", "root", { slow, ...patient }))
  const quick = await world.until(world.join("quick", "relay"))
  const snail = await world.until(world.join("snail", "relay", { reconnect: { minMs: 10, maxMs: 50 } }))
  const far = await world.until(world.join("far", "root"))
  const all = [root, relay, quick, snail, far]
  const events = new Map<Life, EndpointEvent[]>(all.map(life => [life, []]))
  for (const [life, list] of events) life.endpoint!.on("*", event => list.push(event))
  const heard = new Map<Life, number[]>([quick, snail, far, relay].map(life => [life, []]))
  for (const [life, list] of heard) {
    const handling = life.endpoint!.handle("t", message => void list.push((message.value as { n: number }).n))
    await world.until(handling.ready)
  }
  let sent = 0
  const send = async (count: number) => {
    for (let i = 0; i < count; i++) {
      root.endpoint!.send("t", { n: ++sent, padding: "x".repeat(1000) })
      await world.run(1)
    }
  }
  const of = (life: Life, type: EndpointEvent["type"]) => events.get(life)!.filter(event => event.type === type)
  return { world, root, relay, quick, snail, far, heard, send, of, sent: () => sent }
}

const from1 = (through: number) => Array.from({ length: through }, (_, i) => i + 1)

describe.each<SlowPolicy>(["disconnect", "die", "conflate", "dropOldest", "warn"])("Below a relay, %s", policy => {
  it("acts on the slow one, at the relay, and harms neither its siblings nor those above", async () => {
    const { world, root, relay, quick, snail, far, heard, send, of, sent } = await scene(policy)
    world.network.slow("snail", policy === "disconnect" || policy === "die" ? 5_000 : 20_000)
    await send(300)
    expect(of(relay, "slow").at(-1)).toMatchObject({ acted: policy, peer: { name: "snail" } })
    world.network.slow("snail", undefined)
    await world.run(30_000)
    await send(5)
    await world.run(3000)
    for (const life of [relay, quick, far]) expect([life.name, heard.get(life)]).toEqual([life.name, from1(sent())])
    expect([root, quick, far].flatMap(life => [...of(life, "slow"), ...of(life, "gap"), ...of(life, "left")])).toEqual(
      [],
    )
    expect(of(relay, "gap")).toEqual([])

    const got = heard.get(snail)!
    const missed = of(snail, "gap").flatMap(event =>
      event.type === "gap" && event.topic === "t"
        ? Array.from({ length: event.through - event.from + 1 }, (_, i) => event.from + i)
        : [],
    )
    if (policy === "die") {
      expect(snail.endpoint!.state).toBe("closed")
      expect(await snail.endpoint!.closed).toMatchObject({ requested: false, error: { code: "TooSlow" } })
      return
    }
    expect(got.slice(-5)).toEqual(from1(sent()).slice(-5))
    if (policy === "conflate") expect([got.length < sent(), missed]).toEqual([true, []])
    else expect([...got, ...missed].sort((a, b) => a - b)).toEqual(from1(sent()))
    expect(of(snail, "tooSlow").length > 0).toBe(policy === "disconnect")
    expect(missed.length > 0).toBe(policy === "disconnect" || policy === "dropOldest")
  })
})

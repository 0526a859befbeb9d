/** DESIGN §11: what each policy does with a subscriber that falls behind, and that it harms itself only. */
import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../src/core/random.ts"
import type { EndpointEvent, HostOptions, Message, SlowOptions, SlowPolicy } from "../../src/endpoint/index.ts"
import { type Life, World } from "../../src/testing/simulation/index.ts"

/** A host, a quick client and one behind a slow line. */
async function scene(policy: SlowPolicy, options: Partial<SlowOptions> = {}, more: Partial<HostOptions> = {}) {
  const world = new World({ seed: 11 })
  const slow: SlowOptions = { policy, hwm: { messages: 50, bytes: 1_000_000 }, maxLagMs: 0, ...options }
  const host = await world.until(world.host("hub", { slow, ...more }))
  const quick = await world.until(world.join("quick", "hub"))
  const snail = await world.until(world.join("snail", "hub", { reconnect: { minMs: 10, maxMs: 50 } }))
  const events = new Map<Life, EndpointEvent[]>([host, quick, snail].map(life => [life, []]))
  for (const [life, list] of events) life.endpoint!.on("*", event => list.push(event))
  const heard = new Map<Life, number[]>([quick, snail].map(life => [life, []]))
  for (const [life, list] of heard) {
    await world.until(life.endpoint!.handle("t", message => void list.push((message.value as { n: number }).n)).ready)
  }
  let sent = 0
  const send = async (count: number, everyMs = 1) => {
    for (let i = 0; i < count; i++) {
      host.endpoint!.send("t", { n: ++sent, padding: "x".repeat(1000) })
      await world.run(everyMs)
    }
  }
  const of = (life: Life, type: EndpointEvent["type"]) => events.get(life)!.filter(event => event.type === type)
  return { world, host, quick, snail, heard, send, of, sent: () => sent }
}

const from1 = (through: number) => Array.from({ length: through }, (_, i) => i + 1)

describe("A slow subscriber", () => {
  it("disconnect: is told, stops itself, and comes back by itself with a fresh baseline and a gap for what it missed", async () => {
    const { world, host, quick, snail, heard, send, of, sent } = await scene("disconnect")
    world.network.slow("snail", 5_000)
    await send(200)
    expect(of(host, "slow").at(-1)).toMatchObject({ acted: "disconnect", peer: { name: "snail" } })
    expect(of(host, "left").at(-1)).toMatchObject({ code: "TooSlow", peer: { name: "snail" } })
    world.network.slow("snail", undefined)
    await world.run(20_000)
    expect(of(snail, "tooSlow").length).toBeGreaterThan(0)
    expect(of(snail, "joined").at(-1)).toMatchObject({ resumed: false })
    await send(5)
    await world.run(1000)
    expect(heard.get(quick)).toEqual(from1(sent()))
    const missed = of(snail, "gap").flatMap(event => {
      if (event.type !== "gap" || event.topic !== "t") return []
      expect(event.reason).toBe("slow")
      return Array.from({ length: event.through - event.from + 1 }, (_, i) => event.from + i)
    })
    expect([...heard.get(snail)!, ...missed].sort((a, b) => a - b)).toEqual(from1(sent()))
    expect(missed.length).toBeGreaterThan(0)
  })

  it("die: closes for good, and says why", async () => {
    const { world, snail, quick, heard, send, sent } = await scene("die")
    world.network.slow("snail", 5_000)
    await send(200)
    world.network.slow("snail", undefined)
    await world.run(20_000)
    expect(snail.endpoint!.state).toBe("closed")
    expect(await snail.endpoint!.closed).toMatchObject({ requested: false, error: { code: "TooSlow" } })
    expect(heard.get(quick)).toEqual(from1(sent()))
  })

  it("conflate: gets the latest of each key when it has caught up, in order, and no gap", async () => {
    const { world, host, quick, snail, heard, send, of, sent } = await scene("conflate", {
      key: (_topic, payload) => String(JSON.parse(new TextDecoder().decode(payload)).n % 3),
    })
    world.network.slow("snail", 20_000)
    await send(300)
    expect(of(host, "slow").at(-1)).toMatchObject({ acted: "conflate" })
    world.network.slow("snail", undefined)
    await world.run(20_000)
    await send(20)
    await world.run(2000)
    expect(heard.get(quick)).toEqual(from1(sent()))
    const got = heard.get(snail)!
    expect(got.length).toBeLessThan(sent())
    expect(got).toEqual([...got].sort((a, b) => a - b))
    expect(new Set(got).size).toBe(got.length)
    // The last of each of the three keys before it caught up, and all from then on.
    for (const n of [298, 299, 300, ...Array.from({ length: 20 }, (_, i) => 301 + i)]) expect(got).toContain(n)
    expect(of(snail, "gap")).toEqual([])
    expect(of(snail, "joined")).toEqual([])
  })

  it("conflate: a frame stands for those of other origins that it replaced (L8)", async () => {
    const { world, quick, snail, heard, send, of, sent } = await scene("conflate")
    quick.endpoint!.send("t", { n: -2 })
    await world.run(10)
    expect(heard.get(snail)).toEqual([-2])
    world.network.slow("snail", 20_000)
    await send(150)
    // The quick one's are replaced by the host's last one on the same topic.
    for (let i = 0; i < 20; i++) quick.endpoint!.send("t", { n: 0 })
    await world.run(10)
    await send(5)
    world.network.slow("snail", undefined)
    await world.run(20_000)
    quick.endpoint!.send("t", { n: -1 })
    await world.run(3000)
    expect(heard.get(snail)!.slice(-2)).toEqual([sent(), -1])
    expect(of(snail, "gap")).toEqual([])
  })

  it("dropOldest: stays, gets the newest, and is told of the gap exactly", async () => {
    const { world, host, quick, snail, heard, send, of, sent } = await scene("dropOldest")
    world.network.slow("snail", 20_000)
    await send(300)
    expect(of(host, "slow").at(-1)).toMatchObject({ acted: "dropOldest" })
    world.network.slow("snail", undefined)
    await world.run(20_000)
    await send(5)
    await world.run(3000)
    expect(heard.get(quick)).toEqual(from1(sent()))
    const got = heard.get(snail)!
    expect(got).toContain(sent())
    const missed = of(snail, "gap").flatMap(event =>
      event.type === "gap" && event.topic === "t"
        ? Array.from({ length: event.through - event.from + 1 }, (_, i) => event.from + i)
        : [],
    )
    expect(missed.length).toBeGreaterThan(0)
    expect([...got, ...missed].sort((a, b) => a - b)).toEqual(from1(sent()))
    expect(of(snail, "joined")).toEqual([])
  })

  it("warn: only events; what found no room is repaired later, though nothing is published after it", async () => {
    const { world, host, quick, snail, heard, send, of, sent } = await scene("warn")
    world.network.slow("snail", 20_000)
    await send(300)
    expect(of(host, "slow").at(-1)).toMatchObject({ acted: "warn" })
    world.network.slow("snail", undefined)
    await world.run(40_000)
    expect(heard.get(quick)).toEqual(from1(sent()))
    expect(heard.get(snail)).toEqual(from1(sent()))
    expect(of(snail, "gap")).toEqual([])
    expect(of(snail, "joined")).toEqual([])
  })

  it("lag is measured at the host by marks, and acted on though no queue is full", async () => {
    const { world, host, snail, quick, send, of } = await scene("disconnect", {
      hwm: { messages: 1_000_000, bytes: 1_000_000_000 },
      maxLagMs: 2000,
    })
    world.network.slow("snail", 5_000)
    await send(3000)
    const warned = of(host, "slow")[0]
    expect(warned).toMatchObject({ acted: "warn", peer: { name: "snail" } })
    const acted = of(host, "slow").find(event => event.type === "slow" && event.acted === "disconnect")
    expect(acted).toMatchObject({ peer: { name: "snail" } })
    expect((acted as { lagMs: number }).lagMs).toBeGreaterThan(2000)
    expect((acted as { lagMs: number }).lagMs).toBeLessThan(3000)
    expect(host.endpoint!.peers.find(peer => peer.id === quick.endpoint!.id)!.lagMs).toBeLessThan(1000)
    void snail
  })

  it("L9 is not what a host takes everyone for after it stood still itself", async () => {
    const { world, host, heard, quick, snail, send, of, sent } = await scene("disconnect", { maxLagMs: 2000 })
    // A mark is always on its way, or not yet reported.
    world.network.setFaults("publish", { latencyMs: { min: 100, max: 100 } })
    await send(20, 50)
    world.pause("hub")
    await world.run(3000)
    world.resume("hub")
    await send(20, 50)
    await world.run(1000)
    expect(of(host, "slow")).toEqual([])
    expect(heard.get(quick)).toEqual(from1(sent()))
    expect(heard.get(snail)).toEqual(from1(sent()))
  })
})

describe("Conflated messages", () => {
  it.each(Array.from({ length: 16 }, (_, i) => i + 1))(
    "end with what the host published last under each key, whoever sent it: seed %i",
    async seed => {
      const world = new World({ seed })
      const random = new SeededRandom(seed)
      const key = (_topic: string, payload: Uint8Array) => JSON.parse(new TextDecoder().decode(payload)).key
      const slow: SlowOptions = { policy: "conflate", hwm: { messages: 20, bytes: 100_000 }, maxLagMs: 0, key }
      const host = (await world.until(world.host("hub", { slow, heartbeatMs: 100 }))).endpoint!
      const snail = (await world.until(world.join("snail", "hub"))).endpoint!
      const writers = await Promise.all(
        ["a", "b", "c"].map(async name => (await world.until(world.join(name, "hub"))).endpoint!),
      )
      // What the host hears and sends is in the order in which it publishes.
      const published: string[] = []
      const got: string[] = []
      const note = (list: string[]) => (message: Message) => {
        const { key: of, n } = message.value as { key: string; n: number }
        list.push(`${of} ${n}`)
      }
      for (const topic of ["t", "u"]) {
        host.handle(topic, note(published))
        await world.until(snail.handle(topic, note(got)).ready)
      }
      let n = 0
      const say = (most: number) => {
        // Some begin to write only while the snail is behind.
        const from = random.below(most)
        const topic = random.below(3) === 0 ? "u" : "t"
        const value = { key: `${topic}${random.below(3)}`, n: ++n, padding: "x".repeat(random.below(4) * 800) }
        if (from > 0) writers[from - 1]!.send(topic, value)
        else if (host.send(topic, value)) published.push(`${value.key} ${n}`)
      }
      for (let round = 0; round < 6; round++) {
        world.network.slow("snail", [4_000, 20_000, undefined][random.below(3)])
        for (let step = 0; step < 120; step++) {
          say(1 + (round > 0 ? 3 : 1))
          await world.run(random.below(6))
        }
      }
      world.network.slow("snail", undefined)
      await world.run(60_000)
      const last = (of: string, list: readonly string[]) => list.findLast(each => each.startsWith(`${of} `))
      const keys = new Set(published.map(each => each.split(" ")[0]!))
      expect(keys.size).toBe(6)
      for (const of of keys) expect(last(of, got)).toBe(last(of, published))
      expect(new Set(got).size).toBe(got.length)
      expect(got.length).toBeLessThan(published.length)
    },
  )
})

import { describe, expect, it } from "vitest"
import { SeededRandom, SimulatedClock } from "../../src/core/index.ts"
import type { HostOptions, JoinOptions } from "../../src/endpoint/index.ts"
import { MessageEndpoint } from "../../src/endpoint/index.ts"
import { SimulatedNetwork } from "../../src/transport/simulated/index.ts"

function world(seed = 1) {
  const clock = new SimulatedClock()
  const random = new SeededRandom(seed)
  const network = new SimulatedNetwork({ clock, random: random.fork() })
  const common = (name: string) => ({
    name,
    clock: network.clockOf(name),
    random: random.fork(),
    transport: network.transport(name),
  })
  /** Runs virtual time until the promise settles. */
  async function until<T>(promise: Promise<T>, ms = 10_000): Promise<T> {
    let settled = false
    promise.then(
      () => {
        settled = true
      },
      () => {
        settled = true
      },
    )
    for (let i = 0; i < ms && !settled; i++) await clock.run(1)
    if (!settled) throw new Error(`not settled within ${ms} virtual ms`)
    return promise
  }
  return {
    clock,
    network,
    until,
    host: (name: string, options: Partial<HostOptions> = {}) =>
      until(MessageEndpoint.host({ ...common(name), listen: `sim://${name}`, ...options })),
    join: (name: string, host: string, options: Partial<JoinOptions> = {}) =>
      until(MessageEndpoint.join(`sim://${host}`, { ...common(name), ...options })),
  }
}

describe("an endpoint among others", () => {
  it("L2 hears what is sent after its handler is ready, and never its own", async () => {
    const w = world()
    const host = await w.host("hub")
    const a = await w.join("a", "hub")
    const b = await w.join("b", "hub")
    const heard: string[] = []
    for (const [name, endpoint] of [
      ["hub", host],
      ["a", a],
      ["b", b],
    ] as const) {
      await w.until(
        endpoint.handle(
          "price.*",
          message => void heard.push(`${name} ${message.topic} ${JSON.stringify(message.value)}`),
        ).ready,
      )
    }
    expect(a.send("price.eur", 1)).toBe(true)
    expect(host.send("price.usd", 2)).toBe(true)
    await w.clock.run(50)
    expect(heard.sort()).toEqual(["a price.usd 2", "b price.eur 1", "b price.usd 2", "hub price.eur 1"])
  })

  it("resolves an acknowledged send at the root", async () => {
    const w = world()
    await w.host("hub")
    const a = await w.join("a", "hub")
    await w.until(a.send("x", { n: 1 }, { ack: "rooted" }))
  })

  it("answers requests by name, and says what went wrong", async () => {
    const w = world()
    const host = await w.host("hub")
    const a = await w.join("a", "hub")
    const b = await w.join("b", "hub")
    b.handle("double", message => (message.value as number) * 2)
    host.handle("double", message => (message.value as number) * 20)
    expect(await w.until(a.request("b", "double", 21))).toBe(42)
    expect(await w.until(a.request("hub", "double", 21))).toBe(420)
    expect(await w.until(host.request("b", "double", 4))).toBe(8)
    expect(await w.until(host.request("hub", "double", 4))).toBe(80)
    await expect(w.until(a.request("b", "triple", 1))).rejects.toMatchObject({ code: "NoHandler" })
    await expect(w.until(a.request("c", "double", 1))).rejects.toMatchObject({ code: "NoSuchEndpoint" })
    await expect(w.until(a.request("00000000-0000-4000-8000-000000000000", "double", 1))).rejects.toMatchObject({
      code: "NoSuchEndpoint",
    })
    await expect(w.until(a.sendTo("00000000-0000-4000-8000-000000000000", "double", 1))).rejects.toMatchObject({
      code: "NoSuchEndpoint",
    })
  })

  it("gives ordered topics one order everywhere, and the sender no echo", async () => {
    const w = world()
    const host = await w.host("hub")
    const ends = [host, await w.join("a", "hub"), await w.join("b", "hub")]
    const heard: string[][] = [[], [], []]
    for (const [i, end] of ends.entries())
      await w.until(end.handle("log", m => void heard[i]!.push(`${m.order!.number}:${m.value}`)).ready)
    for (let n = 0; n < 10; n++)
      for (const [i, end] of ends.entries()) end.send("log", `${i}.${n}`, { route: "ordered" })
    await w.clock.run(50)
    const all = new Map<number, string>()
    for (const [i, list] of heard.entries()) {
      expect(list.length).toBe(20)
      let last = 0
      for (const entry of list) {
        const number = Number(entry.split(":")[0])
        expect(number).toBeGreaterThan(last)
        last = number
        expect(entry.split(":")[1]!.startsWith(`${i}.`)).toBe(false)
        expect(all.get(number) ?? entry).toBe(entry)
        all.set(number, entry)
      }
    }
    expect(all.size).toBe(30)
  })

  it("L7, L10 comes back after a cut and loses nothing either way", async () => {
    const w = world()
    const host = await w.host("hub")
    const a = await w.join("a", "hub")
    const atHost: unknown[] = []
    const atA: unknown[] = []
    await w.until(a.handle("down", m => void atA.push(m.value)).ready)
    host.handle("up", m => void atHost.push(m.value))
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < 20; n++) {
        a.send("up", round * 20 + n)
        host.send("down", round * 20 + n)
        await w.clock.run(1)
        if (n === 10) w.network.cut("a", "hub")
      }
      await w.clock.run(1000)
    }
    expect(atHost).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(atA).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(a.statistics.gaps).toBe(0)
    expect(a.statistics.reconnects).toBe(5)
  })

  it("hears all that its host sent before it closed", async () => {
    const w = world()
    const host = await w.host("hub")
    const a = await w.join("a", "hub", { reconnect: false })
    const b = await w.join("b", "hub", { reconnect: false })
    const heard: unknown[] = []
    await w.until(a.handle("last", m => void heard.push(m.value)).ready)
    for (let n = 0; n < 1_000; n++) host.send("last", n)
    host.send("nobody follows", 1)
    await w.until(host.close())
    expect((await w.until(a.closed)).error?.code).toBe("PeerLost")
    expect((await w.until(b.closed)).error?.code).toBe("PeerLost")
    expect(heard).toEqual(Array.from({ length: 1_000 }, (_, n) => n))
  })

  it("L5, L6 repairs drops, duplicates and reordering on the data legs", async () => {
    const w = world(7)
    const host = await w.host("hub")
    const a = await w.join("a", "hub")
    const b = await w.join("b", "hub")
    const atHost: unknown[] = []
    const atB: unknown[] = []
    await w.until(b.handle("t", m => void atB.push(m.value)).ready)
    host.handle("t", m => void atHost.push(m.value))
    w.network.setFaults("all", { dropRate: 0.05, duplicateRate: 0.05, reorderRate: 0.1 })
    w.network.setFaults("control" as never, {})
    for (let n = 0; n < 500; n++) {
      a.send("t", n)
      await w.clock.run(2)
    }
    w.network.setFaults("all", {})
    await w.clock.run(3000)
    expect(atHost).toEqual(Array.from({ length: 500 }, (_, i) => i))
    expect(b.statistics).toMatchObject({ gaps: 0 })
    expect(atB).toEqual(Array.from({ length: 500 }, (_, i) => i))
  })
})

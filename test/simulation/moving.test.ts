/** Trees that heal, and hosts that hand their clients over (DESIGN §7, T1). */
import { describe, expect, it } from "vitest"
import type { EndpointEvent, Message } from "../../src/endpoint/index.ts"
import { type Life, World } from "../../src/testing/simulation/index.ts"

/** root ─ top ─ a, b (relays), x; a ─ p; b ─ q; and w at the root. */
async function grow(
  seed = 1,
): Promise<{ world: World; at: Record<string, Life>; events: Record<string, EndpointEvent[]> }> {
  const world = new World({ seed })
  const at: Record<string, Life> = {}
  at.root = await world.until(world.host("root"))
  at.top = await world.until(world.relay("top", "root"))
  for (const name of ["a", "b"]) at[name] = await world.until(world.relay(name, "top"))
  at.x = await world.until(world.join("x", "top"))
  at.p = await world.until(world.join("p", "a"))
  at.q = await world.until(world.join("q", "b"))
  at.w = await world.until(world.join("w", "root"))
  const events: Record<string, EndpointEvent[]> = {}
  for (const [name, life] of Object.entries(at)) {
    events[name] = []
    life.endpoint!.on("*", event => events[name]!.push(event))
  }
  await world.run(1000)
  return { world, at, events }
}

const pathOf = (life: Life, at: Record<string, Life>) =>
  life.endpoint!.path.map(id => Object.keys(at).find(name => at[name]!.endpoint!.id === id))

/** Everybody below `top` follows both routes; two writers, one above and one below, send on both every 5 ms. */
async function talk(world: World, at: Record<string, Life>) {
  const heard: Record<string, { values: string[]; times: number[] }> = {}
  for (const name of ["a", "b", "x", "p", "q"]) {
    const values: string[] = []
    const times: number[] = []
    heard[name] = { values, times }
    const take = (message: Message) => {
      values.push(`${message.route} ${message.value}`)
      if (message.route === "nearest" && String(message.value).startsWith("w")) times.push(world.clock.now())
    }
    for (const topic of ["t.n", "t.o"]) await world.until(at[name]!.endpoint!.handle(topic, take).ready)
  }
  let n = 0
  const timer = world.clock.every(5, () => {
    n++
    for (const name of ["w", "p"]) {
      at[name]!.endpoint!.send("t.n", `${name}${n}`)
      at[name]!.endpoint!.send("t.o", `${name}${n}`, { route: "ordered" })
    }
  })
  return {
    heard,
    stop: () => {
      timer.cancel()
      return n
    },
  }
}

function expectAllInOrder(heard: Awaited<ReturnType<typeof talk>>["heard"], sent: number): void {
  for (const [name, { values }] of Object.entries(heard)) {
    for (const route of ["nearest", "ordered"]) {
      for (const writer of ["w", "p"]) {
        if (name === writer) continue
        const numbers = values
          .filter(value => value.startsWith(`${route} ${writer}`))
          .map(value => Number(value.slice(route.length + 2)))
        expect([name, route, writer, numbers]).toEqual([
          name,
          route,
          writer,
          Array.from({ length: sent }, (_, i) => i + 1),
        ])
      }
    }
  }
}

describe("A relay that is killed", () => {
  it.each([1, 2, 3])(
    "has its place taken: all hear everything, in order, and its clients' clients notice nothing: seed %i",
    async seed => {
      const { world, at, events } = await grow(seed)
      const { heard, stop } = await talk(world, at)
      await world.run(200)
      world.crash("top")
      await world.run(2000)
      const sent = stop()
      await world.run(500)
      expect(pathOf(at.p!, at)).toEqual(["root", "a", "p"])
      expect(pathOf(at.q!, at)).toEqual(["root", "a", "b", "q"])
      expect(pathOf(at.x!, at)).toEqual(["root", "a", "x"])
      expect([...events.p!, ...events.q!].filter(({ type }) => type === "left" || type === "gap")).toEqual([])
      expect(events.b!.find(({ type }) => type === "moved")).toMatchObject({
        from: at.top!.endpoint!.id,
        to: at.a!.endpoint!.id,
      })
      expectAllInOrder(heard, sent)
    },
  )

  it("and whose successor dies with it, has its place taken by the next", async () => {
    const { world, at } = await grow()
    world.crash("top")
    world.crash("a")
    await world.run(3000)
    expect(pathOf(at.q!, at)).toEqual(["root", "b", "q"])
    expect(pathOf(at.x!, at)).toEqual(["root", "b", "x"])
    expect(pathOf(at.p!, at).at(-1)).toBe("p")
    expect(at.p!.endpoint!.path[0]).toBe(at.root!.endpoint!.id)
  })
})

describe("A relay that hangs, or is cut off", () => {
  it.each(["hangs", "is cut off"])("is left after three heartbeats: it %s", async how => {
    const { world, at } = await grow()
    if (how === "hangs") world.pause("top")
    else for (const name of ["root", "a", "b", "x"]) world.network.partition("top", name)
    await world.run(2500)
    expect(pathOf(at.q!, at)).toEqual(["root", "a", "b", "q"])
    world.network.heal()
    world.resume("top")
    await world.run(15_000)
    expect(at.top!.endpoint!.path[0]).toBe(at.root!.endpoint!.id)
    expect(at.root!.endpoint!.members.map(({ name }) => name).sort()).toEqual(["a", "b", "p", "q", "top", "w", "x"])
    expect(await world.until(at.top!.endpoint!.request("q", "ask", 1).catch(error => error.code))).toBe("NoHandler")
  })
})

describe("A relay that is closed", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "hands its clients over without a gap, and is gone when they are: seed %i",
    async seed => {
      const { world, at, events } = await grow(seed)
      const { heard, stop } = await talk(world, at)
      await world.run(200)
      const began = world.clock.now()
      await world.until(world.close("top"))
      expect(world.clock.now() - began).toBeLessThan(1000)
      await world.run(500)
      const sent = stop()
      await world.run(500)
      expect(pathOf(at.q!, at)).toEqual(["root", "a", "b", "q"])
      for (const name of ["a", "b", "x", "p", "q"]) {
        const { times } = heard[name]!
        const pauses = times.slice(1).map((time, i) => time - times[i]!)
        expect([name, Math.max(...pauses) <= 50]).toEqual([name, true])
        expect(events[name]!.filter(({ type }) => type === "gap" || type === "left")).toEqual([])
      }
      expect(events.x!.find(({ type }) => type === "moved")).toMatchObject({ reason: "its host is closing" })
      expectAllInOrder(heard, sent)
    },
  )
})

/** Who is in the tree, and how each fares: told up to the root, and down to those who watch (DESIGN §9, §14). */
import { describe, expect, it } from "vitest"
import type { Authenticator, Roster, RosterChange } from "../../src/endpoint/index.ts"
import { type Life, simulateMessages, World } from "../../src/testing/simulation/index.ts"

import { VotingWorld } from "./voting-world.ts"

/** root ─ left ─ a, b; root ─ right ─ c; and d at the root. */
async function grow(options: { readonly statusMs?: number } = {}): Promise<{ world: World; at: Record<string, Life> }> {
  const world = new World({ seed: 1, statusMs: options.statusMs ?? 1000 })
  const at: Record<string, Life> = {}
  at.root = await world.until(world.host("root"))
  for (const name of ["left", "right"]) at[name] = await world.until(world.relay(name, "root"))
  for (const [name, host] of Object.entries({ a: "left", b: "left", c: "right", d: "root" }))
    at[name] = await world.until(world.join(name, host))
  return { world, at }
}

/** "root(left(a b) right(c) d)", by what the roster says. */
function drawn(roster: Roster): string {
  const { entries } = roster
  const draw = (id: string | undefined): string =>
    entries
      .filter(({ parent }) => parent === id)
      .map(entry => `${entry.name}${draw(entry.id) === "" ? "" : `(${draw(entry.id)})`}`)
      .join(" ")
  return draw(undefined)
}
const whole = "root(left(a b) right(c) d)"

describe("The roster", () => {
  it("is the whole tree, at the root and at whoever watches, at any depth", async () => {
    const { world, at } = await grow()
    for (const name of ["root", "left", "c", "d"]) {
      const roster = at[name]!.endpoint!.roster()
      await world.until(roster.ready)
      await world.run(500)
      expect([name, drawn(roster)]).toEqual([name, whole])
    }
  })

  it("says of each its role, place, addresses, version and clients", async () => {
    const { world, at } = await grow()
    const roster = at.c!.endpoint!.roster()
    await world.until(roster.ready)
    await world.run(3000)
    const { root, left, a } = at
    expect(roster.get(root!.endpoint!.id)).toMatchObject({ role: "root", depth: 0, parent: undefined, clients: 3 })
    expect(roster.get(left!.endpoint!.id)).toMatchObject({
      role: "relay",
      depth: 1,
      clients: 2,
      addresses: ["sim://left"],
      state: "up",
      roundTripMs: expect.any(Number),
    })
    expect(roster.get(a!.endpoint!.id)).toMatchObject({
      role: "client",
      depth: 2,
      path: [root!, left!, a!].map(life => life.endpoint!.id),
      addresses: [],
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    })
  })

  it("says how much each takes in and gives out, and that it has stopped", async () => {
    const { world, at } = await grow()
    const roster = at.root!.endpoint!.roster()
    await world.until(at.c!.endpoint!.handle("t", () => {}).ready)
    const timer = world.clock.every(10, () => at.a!.endpoint!.send("t", "x".repeat(100)))
    await world.run(5000)
    const rates = (name: string) => roster.get(at[name]!.endpoint!.id)!.rates
    for (const [name, key] of [
      ["a", "messagesOut"],
      ["left", "messagesIn"],
      ["left", "messagesOut"],
      ["right", "messagesIn"],
      ["c", "messagesIn"],
    ] as const) {
      const expected = name === "left" && key === "messagesOut" ? 200 : 100
      expect(Math.abs(rates(name)[key] - expected), `${name} ${key}`).toBeLessThanOrEqual(5)
    }
    expect(rates("c").bytesIn).toBeGreaterThan(100 * 100)
    expect(rates("b")).toEqual({ messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 })
    timer.cancel()
    await world.run(4000)
    expect(rates("c").messagesIn).toBe(0)
  })

  it("tells of arrivals and departures as they happen", async () => {
    const { world, at } = await grow()
    const roster = at.c!.endpoint!.roster()
    await world.until(roster.ready)
    await world.run(500)
    const news: string[] = []
    roster.on("change", ({ arrived, departed }: RosterChange) => {
      for (const { name } of arrived) news.push(`+${name}`)
      for (const { name } of departed) news.push(`-${name}`)
    })
    await world.until(world.join("e", "left"))
    await world.run(500)
    await world.until(world.close("e"))
    await world.run(500)
    expect(news).toEqual(["+e", "-e"])
    roster.close()
    await world.until(world.join("f", "left"))
    await world.run(500)
    expect([news.length, roster.entries.map(({ name }) => name)]).toEqual([2, ["c"]])
  })

  it("keeps those below a dead relay until they had time to come elsewhere", async () => {
    const { world, at } = await grow()
    const roster = at.root!.endpoint!.roster()
    await world.run(2000)
    const departed: string[] = []
    roster.on("change", change => departed.push(...change.departed.map(({ name }) => name)))
    for (const name of ["a", "b", "left"]) world.crash(name)
    await world.run(10_500)
    expect(departed).toEqual(["left"])
    expect(roster.get(at.a!.endpoint!.id)?.state).toBe("away")
    await world.run(7000)
    expect(departed.sort()).toEqual(["a", "b", "left"])
    expect(drawn(roster)).toBe("root(right(c) d)")
  })

  it("has one root, whoever it is, after the root was lost and another was elected", async () => {
    const tree = new VotingWorld(1, { statusMs: 1000 })
    const { world } = tree
    const voters = await tree.found()
    const everyone = ["sim://va", "sim://vb", "sim://vc"]
    const leaf = await world.until(world.joinAny("leaf", ["sim://vc", ...everyone]))
    const rosters = [...voters, leaf].map(life => life.endpoint!.roster())
    await world.run(3000)
    for (const roster of rosters) {
      expect(drawn(roster)).toBe("va(vb vc(leaf))")
      expect(roster.entries.flatMap(({ name, isVoter }) => (isVoter ? [name] : []))).toEqual(["va", "vb", "vc"])
    }
    tree.crash("va")
    await tree.until(() => tree.roots.length === 1 && tree.roots[0] !== "va", 5000)
    await world.run(20_000)
    const [root] = tree.roots as [string]
    const whole = root === "vb" ? "vb(vc(leaf))" : "vc(vb leaf)"
    for (const roster of rosters.slice(1)) {
      expect(drawn(roster)).toBe(whole)
      expect(roster.entries.filter(({ role }) => role === "root").map(({ name }) => name)).toEqual([root])
      expect(roster.entries[0]!.epoch).toBeGreaterThan(1)
    }
  })

  it("costs nobody anything who does not watch, and little who is idle", async () => {
    /** Deliveries in a minute of peace. */
    const traffic = async (statusMs: number, watches: boolean) => {
      const { world, at } = await grow({ statusMs })
      const roster = watches ? at.c!.endpoint!.roster() : undefined
      await world.run(5000)
      const before = world.network.trace.count
      await world.run(60_000)
      roster?.close()
      return world.network.trace.count - before
    }
    const [silent, spoken, watched] = [await traffic(0, false), await traffic(1000, false), await traffic(1000, true)]
    // Six below the root, of whom each speaks every ten seconds; those of left and right, once more on the way up.
    expect((spoken - silent) / 6).toBeLessThanOrEqual(6 + 3)
    expect(spoken).toBeGreaterThan(silent)
    // And seven come down two links.
    expect((watched - spoken) / 6).toBeLessThanOrEqual(2 * 7)
  })

  it("is not told to those whose grants do not cover it", async () => {
    const world = new World({ seed: 1, statusMs: 1000 })
    const authenticator: Authenticator = {
      authenticate: ({ name }) => ({ allow: true, grants: { receive: name === "s" ? ["~roster"] : ["t"] } }),
    }
    await world.until(world.host("root", { authenticator }))
    const [guest, staff] = [await world.until(world.join("g", "root")), await world.until(world.join("s", "root"))]
    await expect(world.until(guest.endpoint!.roster().ready)).rejects.toMatchObject({ code: "Unauthorized" })
    const roster = staff.endpoint!.roster()
    await world.until(roster.ready)
    expect(roster.entries.map(({ name }) => name)).toEqual(["root", "g", "s"])
  })

  it.each([1, 3, 5, 7, 9, 11])(
    "is right in the end at every watcher, whatever went wrong: two seeds from %i",
    async first => {
      for (let seed = first; seed < first + 2; seed++) {
        const outcome = await simulateMessages({ seed, tree: true, roster: true })
        if (outcome.violations.length > 0) expect.fail(outcome.report())
      }
    },
  )
})

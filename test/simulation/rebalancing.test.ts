/** A host that has more clients than its fan-out comes down to it (T1), and then nobody moves any more. */
import { describe, expect, it } from "vitest"
import type { EndpointEvent, Message } from "../../src/endpoint/index.ts"
import { type Life, World } from "../../src/testing/simulation/index.ts"

/** root ─ top ─ a, b, c, d (relays), each with four clients; and w at the root. Fan-out 4, at most 8. */
async function grow(seed: number) {
  const world = new World({ seed })
  const hosting = { fanOut: 4, maxClients: 8 }
  const lives: Life[] = [await world.until(world.host("root", hosting))]
  const relay = async (name: string, host: string) => lives.push(await world.until(world.relay(name, host, hosting)))
  const join = async (name: string, host: string) => lives.push(await world.until(world.join(name, host)))
  await relay("top", "root")
  for (const name of ["a", "b", "c", "d"]) await relay(name, "top")
  for (const host of ["a", "b", "c", "d"]) for (const n of [1, 2, 3, 4]) await join(`${host}${n}`, host)
  await join("w", "root")
  const moved: { readonly who: string; readonly reason: string }[] = []
  const told: EndpointEvent[] = []
  for (const { name, endpoint } of lives) {
    endpoint!.on("moved", ({ reason }) => void moved.push({ who: name, reason }))
    for (const type of ["gap", "violation", "undeliverable"] as const)
      endpoint!.on("*", event => void (event.type === type && told.push(event)))
  }
  return { world, lives, moved, told }
}

const degreeOf = (life: Life) => life.endpoint!.peers.filter(({ role }) => role === "client").length

describe("A host whose degree a takeover has doubled", () => {
  // In half of the seeds the heir's clients find room elsewhere at once; in these they do not.
  it.each([1, 3, 4])(
    "sends clients to relays below it until it has its fan-out, without a gap: seed %i",
    async seed => {
      const { world, lives, moved, told } = await grow(seed)
      const heard = new Map<string, number[]>()
      const followers = lives.filter(({ name }) => /[2-4]$/.test(name))
      for (const { name, endpoint } of followers) {
        const values: number[] = []
        heard.set(name, values)
        const take = (message: Message) => void values.push(message.value as number)
        await world.until(endpoint!.handle("t", take).ready)
      }
      const writer = lives.find(({ name }) => name === "w")!.endpoint!
      let n = 0
      const timer = world.clock.every(5, () => writer.send("t", ++n))
      await world.run(500)
      world.crash("top")
      const others = lives.filter(({ name }) => name !== "top")
      const most = () => Math.max(...others.map(degreeOf))
      for (let ms = 0; ms < 5000 && most() < 6; ms += 10) await world.run(10)
      await world.run(1000)
      const heir = others.find(life => degreeOf(life) === most())!
      const doubled = degreeOf(heir)
      expect([heir.name, doubled > 5 && doubled <= 8]).toEqual(["a", true])
      // So far nobody below it has room.
      const before = moved.length
      await world.run(3000)
      expect([degreeOf(heir), moved.length]).toEqual([doubled, before])
      for (const name of ["b1", "c1", "d1"]) await world.until(world.close(name))
      for (let ms = 0; ms < 20_000 && degreeOf(heir) > 4; ms += 10) await world.run(10)
      expect(degreeOf(heir)).toBe(4)
      const rebalanced = moved.slice(before)
      expect(rebalanced.map(({ who }) => who.slice(0, 1))).toEqual(Array.from({ length: doubled - 4 }, () => "a"))
      for (const { reason } of rebalanced) expect(reason).toMatch(/^its host has \d clients and wants 4$/)

      await world.run(1000)
      timer.cancel()
      await world.run(1000)
      const all = Array.from({ length: n }, (_, i) => i + 1)
      for (const [name, values] of heard) expect([name, values]).toEqual([name, all])
      expect(told).toEqual([])

      // A quiet tree: nobody goes to and fro.
      const settled = moved.length
      await world.run(120_000)
      expect(moved.slice(settled)).toEqual([])
      expect(degreeOf(heir)).toBe(4)
    },
  )
})

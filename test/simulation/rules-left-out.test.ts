/** Each rule that a promise rests on is left out once: the simulator must notice, and soon. */
import { describe, expect, it } from "vitest"
import { simulationKinds, World } from "../../src/testing/simulation/index.ts"

/** What may be seen broken without it; the issue allows a thousand seeds, these show in the first few. */
const rules = [
  { rule: "duplicates", invariants: ["duplicate"] },
  { rule: "parking", invariants: ["silent loss", "fifo"] },
  { rule: "gaps", invariants: ["silent loss"] },
  { rule: "turns", invariants: ["silent loss", "acknowledgement"] },
  { rule: "keeping", invariants: ["acknowledgement", "silent loss"] },
  { rule: "rooting", invariants: ["acknowledgement"] },
] as const
const seedsMax = 100

describe("A tree without one of its rules", () => {
  it.each(rules)("$rule: it is noticed", async ({ rule, invariants }) => {
    const broken = new Set<string>()
    for (let seed = 1; seed <= seedsMax; seed++) {
      const { violations } = await simulationKinds.tree!.run({ seed, without: rule })
      for (const { invariant } of violations) broken.add(invariant)
      if (invariants.some(invariant => broken.has(invariant))) return
    }
    expect.fail(`in ${seedsMax} seeds nothing of ${invariants.join(", ")} was broken, but ${[...broken].join(", ")}`)
  })
})

/** root ─ top ─ x, y; w at the root sends every millisecond; the hosts keep little, and top is closed. */
async function gapsOfMoving(seed: number, without: "overlap" | undefined): Promise<number> {
  const world = new World({ seed, ...(without === undefined ? {} : { without }) })
  const hosting = { replay: { messages: 12 } }
  await world.until(world.host("root", hosting))
  await world.until(world.relay("top", "root", hosting))
  let gaps = 0
  for (const name of ["x", "y"]) {
    const { endpoint } = await world.until(world.join(name, "top"))
    endpoint!.on("gap", () => gaps++)
    await world.until(endpoint!.handle("t", () => {}).ready)
  }
  const { endpoint } = await world.until(world.join("w", "root"))
  world.network.setFaults("all", { latencyMs: { min: 2, max: 6 } })
  const talk = world.clock.every(1, () => endpoint!.send("t", "said"))
  await world.run(200)
  await world.until(world.close("top"))
  await world.run(300)
  talk.cancel()
  await world.run(500)
  return gaps
}

describe("A relay that hands its clients over", () => {
  it.each([1, 2, 3, 4, 5])("leaves no gap, and without rule T1 it does: seed %i", async seed => {
    expect(await gapsOfMoving(seed, undefined)).toBe(0)
    expect(await gapsOfMoving(seed, "overlap")).toBeGreaterThan(0)
  })
})

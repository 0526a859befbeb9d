/** Each rule that a promise rests on is left out once: the simulator must notice, and soon. */
import { describe, expect, it } from "vitest"
import { simulationKinds } from "../../src/testing/simulation/index.ts"

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

/** Documents under drawn faults, on virtual time. A failing seed is the whole report: ZINC_SEED=17 runs it alone. */
import { describe, expect, it } from "vitest"
import { simulateDocuments } from "../../src/testing/simulation/index.ts"

const only = process.env.ZINC_SEED
const count = Number(process.env.ZINC_DOCUMENT_SEEDS ?? 100)
const seeds =
  only === undefined
    ? Array.from({ length: count }, (_, i) => i + 1 + Number(process.env.ZINC_DOCUMENT_FROM ?? 0))
    : [Number(only)]

describe("A swarm that edits a document", () => {
  it.each(seeds)("ends equal and loses nothing of a living writer: seed %i", async seed => {
    const outcome = await simulateDocuments({ seed })
    expect(outcome.violations, outcome.report()).toEqual([])
    expect(outcome.endpoints).toBeGreaterThanOrEqual(4)
    expect(outcome.edits).toBeGreaterThan(20)
    expect(outcome.virtualMs).toBeGreaterThan(20_000)
    expect(outcome.faults.length).toBeGreaterThanOrEqual(3)
  })

  it("happens again exactly, given its seed", async () => {
    const [first, second] = [await simulateDocuments({ seed: 5 }), await simulateDocuments({ seed: 5 })]
    expect(second.hash).toBe(first.hash)
    expect(second.acknowledged).toBe(first.acknowledged)
  })
})

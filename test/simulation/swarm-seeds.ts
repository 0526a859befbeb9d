/** Runs seeds of the swarm, and says of the first that breaks a promise all there is to say. */
import { expect } from "vitest"
import { simulateMessages } from "../../src/testing/simulation/index.ts"

export async function expectPromisesKept(first: number, count: number): Promise<void> {
  for (let seed = first; seed < first + count; seed++) {
    const outcome = await simulateMessages({ seed })
    expect(outcome.endpoints).toBeGreaterThanOrEqual(4)
    expect(outcome.faults.length).toBeGreaterThanOrEqual(3)
    expect(outcome.virtualMs).toBeGreaterThanOrEqual(20_000)
    if (outcome.violations.length > 0) expect.fail(outcome.report())
  }
}

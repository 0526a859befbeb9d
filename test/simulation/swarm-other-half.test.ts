/** The other half of the swarm's seeds, in a file of its own so that it runs beside the first. */
import { describe, it } from "vitest"
import { expectPromisesKept } from "./swarm-seeds.ts"

describe("A swarm", () => {
  it.each([251, 301, 351, 401, 451])("keeps its promises whatever goes wrong: fifty seeds from %i", seed =>
    expectPromisesKept(seed, 50),
  )
})

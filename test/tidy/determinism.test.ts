/** Time and chance come from above, so that a seed can replay a whole cluster. */
import { describe, expect, it } from "vitest"
import { findings, production } from "./source.ts"

/** The files that own the real thing, and the shells that face a person or measure. */
const owners = /^src\/(core\/(clock|simulated-clock|random)\.ts$|cli\/|testing\/)/

const hearts = production.filter(file => !owners.test(file.path))

describe("Production code", () => {
  it("takes time only from the Clock", () => {
    const time =
      /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|process\.nextTick|Date\.now|performance\.now|process\.hrtime)\b|\bnew Date\(\s*\)/g
    expect(hearts.flatMap(file => findings(file, time))).toEqual([])
  })

  it("takes chance only from Random", () => {
    const chance = /\b(?:Math\.random|crypto\.|randomBytes|randomUUID|getRandomValues)/g
    expect(hearts.flatMap(file => findings(file, chance))).toEqual([])
  })

  it("finds what it looks for", () => {
    const clock = production.find(file => file.path === "src/core/clock.ts")!
    expect(findings(clock, /\bsetTimeout\b/g).length).toBeGreaterThan(0)
    const random = production.find(file => file.path === "src/core/random.ts")!
    expect(findings(random, /\bcrypto\b/g).length).toBeGreaterThan(0)
  })
})

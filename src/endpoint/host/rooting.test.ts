import { describe, expect, it } from "vitest"
import type { Link } from "./link.ts"
import { Rooting } from "./rooting.ts"

const client = (): Link => ({ rooted: 0 }) as unknown as Link

function setUp() {
  const told: Link[] = []
  const rooting = new Rooting(link => told.push(link))
  return { told, rooting, a: client(), b: client() }
}

describe("Rooting", () => {
  it("gives each client its own numbers back as the relay's are rooted", () => {
    const { rooting, told, a, b } = setUp()
    rooting.passed(a, 1, 1, false)
    rooting.passed(b, 1, 2, false)
    rooting.passed(a, 2, 3, false)
    rooting.rootedThrough(2)
    expect([a.rooted, b.rooted, told]).toEqual([1, 1, [a, b]])
    rooting.rootedThrough(3)
    expect([a.rooted, told.length]).toEqual([2, 3])
  })

  it("what goes no further is rooted when all before it is", () => {
    const { rooting, a } = setUp()
    rooting.passed(a, 1, 0, false)
    expect(a.rooted).toBe(1)
    rooting.passed(a, 2, 1, false)
    rooting.passed(a, 3, 1, false)
    expect(a.rooted).toBe(1)
    rooting.rootedThrough(1)
    expect(a.rooted).toBe(3)
  })

  it("tells nothing anew when the same is said again", () => {
    const { rooting, told, a } = setUp()
    rooting.passed(a, 1, 1, false)
    rooting.rootedThrough(1)
    rooting.rootedThrough(1)
    expect(told).toEqual([a])
  })

  it("says for whom somebody waits", () => {
    const prompts: boolean[] = []
    const rooting = new Rooting((_link, prompt) => prompts.push(prompt))
    const [a, b] = [client(), client()]
    rooting.passed(a, 1, 1, true)
    rooting.passed(a, 2, 2, false)
    rooting.passed(b, 1, 3, false)
    rooting.passed(b, 2, 3, true)
    rooting.rootedThrough(3)
    rooting.passed(a, 3, 4, false)
    rooting.rootedThrough(4)
    expect(prompts).toEqual([true, true, false])
  })

  it("stays small over many frames", () => {
    const { rooting, a } = setUp()
    for (let n = 1; n <= 10_000; n++) {
      rooting.passed(a, n, n, false)
      if (n % 100 === 0) rooting.rootedThrough(n)
    }
    expect(a.rooted).toBe(10_000)
  })
})

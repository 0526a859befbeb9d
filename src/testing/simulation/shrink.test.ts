import { describe, expect, it } from "vitest"
import { shrinkScript } from "./shrink.ts"

const script = Array.from({ length: 20 }, (_, i) => i)

describe("shrinkScript", () => {
  it("keeps exactly the faults that the failure needs", async () => {
    expect(await shrinkScript(script, part => part.includes(3) && part.includes(17))).toEqual([3, 17])
  })

  it("ends with nothing when the failure needs no fault", async () => {
    expect(await shrinkScript(script, () => true)).toEqual([])
  })

  it("tries no more often than it may", async () => {
    let tries = 0
    await shrinkScript(
      script,
      part => {
        tries++
        return part.includes(3)
      },
      7,
    )
    expect(tries).toBe(7)
  })
})

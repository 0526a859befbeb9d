import fc from "fast-check"
import { expect, it } from "vitest"
import { CodePointText } from "./code-points.ts"
import type { Patch } from "./trace.ts"

it("CodePointText gives the places that counting by hand gives", () => {
  const text = fc.array(fc.constantFrom("a", "🙂", "é", "日", "\n"), { maxLength: 1_500 }).map(parts => parts.join(""))
  const patches = fc.array(fc.tuple(fc.nat(), fc.nat(20), text), { maxLength: 10 })
  fc.assert(
    fc.property(text, patches, (start, raw) => {
      let points = [...start]
      let units = start
      const followed = new CodePointText(start)
      for (const [somewhere, many, insert] of raw) {
        const position = somewhere % (points.length + 1)
        const patch: Patch = [position, Math.min(many, points.length - position), insert]
        const { at, remove } = followed.apply(patch)
        units = units.slice(0, at) + insert + units.slice(at + remove)
        points = [...points.slice(0, position), ...insert, ...points.slice(position + patch[1])]
        expect(units).toBe(points.join(""))
      }
    }),
    { numRuns: 60 },
  )
})

it("CodePointText takes the short way when told that nothing is wide", () => {
  expect(new CodePointText("", true).apply([7, 2, "x"])).toEqual({ at: 7, remove: 2, insert: "x" })
})

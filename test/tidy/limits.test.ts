/** The limits that docs/reference/limits.md states are those in the code. */
import { describe, expect, it } from "vitest"
import { textOf } from "./source.ts"

const rows = [...textOf("docs/reference/limits.md").matchAll(/^\| (.+) \| ([^|]+) \| `(\w+)` in (src\/\S+) \|$/gm)]

/** "64 KiB" → 65536; "10,000" → 10000. */
function stated(text: string): number {
  const [, digits, unit] = /^([\d,]+)(?: (KiB|MiB))?$/.exec(text)!
  return Number(digits!.replaceAll(",", "")) * { none: 1, KiB: 1024, MiB: 1024 ** 2 }[unit ?? "none"]!
}

/** The number that a constant of a file is made of. */
function inCode(name: string, path: string): number {
  const found = new RegExp(`const ${name}(?:: number)? = ([\\d_ *]+)$`, "m").exec(textOf(path))
  return (found?.[1] ?? "")
    .split("*")
    .reduce((product, factor) => product * Number(factor.trim().replaceAll("_", "")), 1)
}

describe("docs/reference/limits.md", () => {
  it("states limits", () => {
    expect(rows.length).toBeGreaterThan(15)
  })

  for (const [, what, limit, name, path] of rows) {
    it(`says of ${what} what ${name} says`, () => {
      expect(inCode(name!, path!)).toBe(stated(limit!))
    })
  }
})

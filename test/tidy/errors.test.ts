/** Every error code has its heading in the reference, with what happened and what to do. */
import { describe, expect, it } from "vitest"
import { ErrorCode } from "../../src/core/errors.ts"
import { production, textOf } from "./source.ts"

const page = textOf("docs/reference/errors.md")
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map(section => [section.slice(0, section.indexOf("\n")).trim(), section]),
)

describe("docs/reference/errors.md", () => {
  it("has exactly the codes of core/errors.ts, in their order", () => {
    expect([...sections.keys()]).toEqual(Object.keys(ErrorCode))
  })

  for (const code of Object.keys(ErrorCode)) {
    it(`says of ${code} what happened and what to do`, () => {
      const section = sections.get(code) ?? ""
      expect(section).toMatch(/^\*\*What happened\.\*\* \S.{20,}/m)
      expect(section).toMatch(/^\*\*What to do\.\*\* \S.{20,}/m)
    })
  }
})

describe("Codes of events", () => {
  const told = page.slice(0, page.indexOf("\n## "))
  const sides = production.filter(file => file.path.startsWith("src/endpoint/host"))
  const codesOf = (call: RegExp) =>
    new Set(sides.flatMap(({ text }) => [...text.matchAll(call)].map(found => found[1]!)))

  it.each([
    ["refused", /#refuse\(\s*connection,\s*name,\s*"(\w+)"/g],
    ["left", /(?:#|\.|\b)end\((?:link|own|living|decision\.client), (?:code \|\| )?"(\w+)"/g],
  ] as const)("those of %s are listed in the reference", (event, call) => {
    const codes = codesOf(call)
    expect(codes.size).toBeGreaterThan(5)
    const table = told.slice(told.indexOf(`| \`${event}.code\` |`)).split("\n\n")[0]!
    expect([...codes].filter(code => !table.includes(`| \`${code}\` |`))).toEqual([])
  })
})

describe("ErrorCode", () => {
  it("spells each code as its key", () => {
    expect(Object.entries(ErrorCode).filter(([key, value]) => key !== value)).toEqual([])
  })

  it("is the only source of codes", () => {
    const made = production.flatMap(file =>
      [...file.text.matchAll(/new ZincError\(\s*"(\w+)"/g)].map(match => `${file.path}: ${match[1]}`),
    )
    expect(made.filter(each => !(each.split(": ")[1]! in ErrorCode))).toEqual([])
  })
})

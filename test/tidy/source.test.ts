/** The scanner that the other tidy tests see through. */
import { describe, expect, it } from "vitest"
import { findings, reachedFrom, sourceFile } from "./source.ts"

const file = sourceFile(
  "src/zmtp/example.ts",
  [
    "/* import x from './in-a-comment.ts' */",
    'import type { A } from "../core/a.ts"',
    "import {",
    "  b, // setTimeout in a comment",
    '} from "./b.ts"',
    'export { c } from "../transport/c.ts"',
    "export const text = \"import y from './in-a-string.ts'\"",
    "const pattern = /[\"']/ // a quote in a pattern opens no string",
    "setTimeout(later, 1)",
    'const lazy = await import("zeromq")',
    'new Worker(new URL("./worker.ts", import.meta.url))',
    'import "node:fs"',
  ].join("\n"),
)

describe("sourceFile", () => {
  it("sees imports, exports from, and dynamic imports, but none in comments or strings", () => {
    expect(file.imports).toEqual([
      { specifier: "../core/a.ts", path: "src/core/a.ts", typeOnly: true },
      { specifier: "./b.ts", path: "src/zmtp/b.ts", typeOnly: false },
      { specifier: "../transport/c.ts", path: "src/transport/c.ts", typeOnly: false },
      { specifier: "zeromq", path: undefined, typeOnly: false },
      { specifier: "node:fs", path: undefined, typeOnly: false },
    ])
  })

  it("finds code by line and leaves comments alone", () => {
    expect(findings(file, /\bsetTimeout\b/g)).toEqual(["src/zmtp/example.ts:9: setTimeout(later, 1)"])
  })

  it("follows workers as well as imports", () => {
    expect(reachedFrom(file)).toContain("src/zmtp/worker.ts")
  })
})

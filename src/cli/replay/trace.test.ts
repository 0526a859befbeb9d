import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, describe, expect, it } from "vitest"
import { codePoints, parseTrace, readTrace } from "./trace.ts"

const folder = mkdtempSync(join(tmpdir(), "zinc-trace-"))
afterAll(() => rmSync(folder, { recursive: true }))

const sequential = {
  startContent: "",
  endContent: "hi!",
  txns: [{ time: "2021-04-19T06:06:58.219Z", patches: [[0, 0, "hi"]] }, { patches: [[2, 0, "!"]] }],
}
const concurrent = {
  kind: "concurrent",
  endContent: "ab",
  numAgents: 2,
  txns: [
    { parents: [], agent: 0, patches: [[0, 0, "a"]] },
    { parents: [0], agent: 1, patches: [[1, 0, "b"]] },
  ],
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

describe("readTrace", () => {
  it("reads plain JSON", () => {
    const trace = readTrace(file("plain.json", JSON.stringify(sequential)))
    expect(trace).toEqual({
      kind: "sequential",
      startContent: "",
      endContent: "hi!",
      transactions: [[[0, 0, "hi"]], [[2, 0, "!"]]],
    })
  })

  it("reads gzip, whatever the name says", () => {
    const trace = readTrace(file("packed.json", gzipSync(JSON.stringify(concurrent))))
    expect(trace).toMatchObject({ kind: "concurrent", authors: 2 })
  })

  const bad: readonly (readonly [string, () => string, RegExp])[] = [
    ["a missing file", () => join(folder, "absent.json"), /there is no such file/],
    ["a folder", () => folder, /folder/],
    ["a broken gzip", () => file("broken.gz", gzipSync("{}").subarray(0, 12)), /cannot be unpacked/],
    ["bytes that are no text", () => file("bytes", Uint8Array.of(0xff, 0xfe, 0x00)), /not JSON/],
    ["half a JSON", () => file("half.json", '{"txns": ['), /not JSON/],
  ]
  for (const [name, path, message] of bad)
    it(`refuses ${name} with BadFile`, () =>
      expect(() => readTrace(path())).toThrow(
        expect.objectContaining({ code: "BadFile", message: expect.stringMatching(message) }),
      ))
})

describe("parseTrace", () => {
  const bad: readonly (readonly [string, unknown, RegExp])[] = [
    ["a list", [], /not a JSON object/],
    ["no transactions", { endContent: "" }, /txns/],
    ["no end", { txns: [] }, /endContent/],
    ["an unknown kind", { ...sequential, kind: "magic" }, /magic/],
    ["a transaction without patches", { ...sequential, txns: [{}] }, /txns\[0\] has no list/],
    ["null for a transaction", { ...sequential, txns: [null] }, /txns\[0\] has no list/],
    ["a patch of two", { ...sequential, txns: [{ patches: [[0, 0]] }] }, /txns\[0\]\.patches\[0\]/],
    ["a position below zero", { ...sequential, txns: [{ patches: [[-1, 0, ""]] }] }, /patches\[0\]/],
    ["a position with a fraction", { ...sequential, txns: [{ patches: [[0.5, 0, ""]] }] }, /patches\[0\]/],
    ["a patch beyond the text", { ...sequential, txns: [{ patches: [[1, 0, "a"]] }] }, /beyond the text/],
    ["an agent too many", { ...concurrent, numAgents: 1 }, /txns\[1\]\.agent/],
    ["no agents", { ...concurrent, numAgents: 0 }, /numAgents/],
    [
      "a parent that comes later",
      { ...concurrent, txns: [{ parents: [1], agent: 0, patches: [] }, concurrent.txns[1]] },
      /txns\[0\]\.parents/,
    ],
    ["parents that are no list", { ...concurrent, txns: [{ agent: 0, patches: [] }] }, /txns\[0\]\.parents/],
  ]
  for (const [name, value, message] of bad)
    it(`refuses ${name}, saying where`, () =>
      expect(() => parseTrace(value, "x.json")).toThrow(
        expect.objectContaining({ code: "BadFile", message: expect.stringMatching(message) }),
      ))

  it("counts positions in code points", () => {
    const wide = { endContent: "🙂!", txns: [{ patches: [[0, 0, "🙂"]] }, { patches: [[1, 0, "!"]] }] }
    expect(parseTrace(wide, "x.json")).toMatchObject({ kind: "sequential" })
    expect(codePoints("a🙂é")).toBe(3)
  })
})

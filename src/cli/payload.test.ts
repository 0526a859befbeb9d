import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { utf8 } from "../core/index.ts"
import { codecFor, forMachines, payloadFrom, readPayload, shown } from "./payload.ts"

const folder = mkdtempSync(join(tmpdir(), "zinc-payload-"))
afterAll(() => rmSync(folder, { recursive: true }))

describe("readPayload", () => {
  it("reads JSON", async () => expect(await readPayload('{"bid":1.08}', {})).toEqual({ bid: 1.08 }))
  it("takes a plain word as text", async () => expect(await readPayload("hello there", {})).toBe("hello there"))
  it("takes JSON as text when told to", async () => expect(await readPayload("42", { text: true })).toBe("42"))
  it("takes octets as they are", async () => expect(await readPayload("42", { raw: true })).toEqual(utf8("42")))
  it("reads a file", async () => {
    const path = join(folder, "payload.json")
    writeFileSync(path, "[1, 2]\n")
    expect(await readPayload(undefined, { file: path })).toEqual([1, 2])
  })

  for (const text of ['{"a":', "[1,", '"open', ""])
    it(`refuses ${JSON.stringify(text)}, which was meant as JSON`, () =>
      expect(() => payloadFrom(utf8(text), {})).toThrow(expect.objectContaining({ code: "BadPayload" })))

  it("refuses octets that are no text, unless raw", () => {
    expect(() => payloadFrom(Uint8Array.of(0xff), {})).toThrow(expect.objectContaining({ code: "BadPayload" }))
    expect(payloadFrom(Uint8Array.of(0xff), { raw: true })).toEqual(Uint8Array.of(0xff))
  })

  it("refuses a missing file and a folder", async () => {
    await expect(readPayload(undefined, { file: join(folder, "absent") })).rejects.toMatchObject({ code: "BadFile" })
    await expect(readPayload(undefined, { file: folder })).rejects.toMatchObject({ code: "BadFile" })
  })

  it("refuses two sources at once", () =>
    expect(readPayload("1", { file: "x" })).rejects.toMatchObject({ code: "BadOption" }))
})

describe("codecFor", () => {
  it("is JSON by default and raw for octets", () =>
    expect([codecFor({}, undefined), codecFor({ raw: true }, undefined), codecFor({}, "msgpack")]).toEqual([
      "json",
      "raw",
      "msgpack",
    ]))
  it("refuses what contradicts itself", () => {
    expect(() => codecFor({ raw: true }, "json")).toThrow(expect.objectContaining({ code: "BadOption" }))
    expect(() => codecFor({}, "raw")).toThrow(expect.objectContaining({ code: "BadOption" }))
  })
})

describe("Received values", () => {
  it("read well for people", () =>
    expect([shown("a\u001b[2J"), shown({ a: 1 }), shown(utf8("text")), shown(Uint8Array.of(0xff, 1))]).toEqual([
      "a\\u001b[2J",
      '{"a":1}',
      "text",
      "2 octets ff01",
    ]))
  it("are JSON for machines, whatever they hold", () =>
    expect([forMachines(Uint8Array.of(1)), forMachines({ n: 2n }), forMachines(undefined)]).toEqual([
      { base64: "AQ==" },
      { n: "2" },
      null,
    ]))
})

/** docs/protocol/vectors/records.json, read both ways. It was written by an encoder of another language than ours. */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { fromUtf8, utf8 } from "../core/bytes.ts"
import { treeSegment } from "../core/name.ts"
import { decodeRootRecord, encodeRootRecord, type RootRecord, recordBytesMax } from "./root-record.ts"

const vectors = JSON.parse(
  readFileSync(new URL("../../docs/protocol/vectors/records.json", import.meta.url), "utf8"),
) as {
  roots: { meaning: string; record: RootRecord; text: string }[]
  invalidRoots: { meaning: string; tree: string; text: string }[]
  segments: { tree: string; segment: string }[]
}

const badRecord = expect.objectContaining({ code: "BadRecord" })

describe("Root record vectors", () => {
  it.each(vectors.roots)("$meaning", ({ record, text }) => {
    expect(fromUtf8(encodeRootRecord(record))).toBe(text)
    expect(decodeRootRecord(utf8(text), record.tree)).toEqual(record)
  })
  it.each(vectors.invalidRoots)("refused: $meaning", ({ tree, text }) => {
    expect(() => decodeRootRecord(utf8(text), tree)).toThrow(badRecord)
  })
  it.each(vectors.segments)("$tree in a path is $segment", ({ tree, segment }) => {
    expect(treeSegment(tree)).toBe(segment)
  })
})

describe("decodeRootRecord", () => {
  it("refuses what is not UTF-8, and more octets than a record has", () => {
    expect(() => decodeRootRecord(Uint8Array.of(0xff, 0xfe), "zinc")).toThrow(badRecord)
    const { text } = vectors.roots[0]!
    expect(() => decodeRootRecord(utf8(text + " ".repeat(recordBytesMax)), "zinc")).toThrow(badRecord)
  })

  it("is not led astray by names that JavaScript gives a meaning", () => {
    const { text } = vectors.roots[0]!
    const record = decodeRootRecord(utf8(text.replace("{", '{"__proto__":{"epoch":9},"constructor":1,')), "zinc")
    expect(record.epoch).toBe(1)
    expect(Object.getPrototypeOf(record.extra)).toBe(Object.prototype)
    expect(encodeRootRecord(record)).toEqual(encodeRootRecord(decodeRootRecord(encodeRootRecord(record), "zinc")))
  })
})

describe("encodeRootRecord", () => {
  it("does not let fields of a later Zinc take the place of ours", () => {
    const { record } = vectors.roots[0]!
    const bytes = encodeRootRecord({ ...record, extra: { epoch: 99, tree: "x" } })
    expect(decodeRootRecord(bytes, record.tree).epoch).toBe(record.epoch)
  })
})

/** docs/protocol/vectors/records.json, read both ways. It was written by an encoder of another language than ours. */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { fromUtf8, utf8 } from "../core/bytes.ts"
import { type AnnouncedHost, decodeHostRecord, encodeHostRecord } from "./host-record.ts"
import { readTexts, textsOf } from "./mdns/service-record.ts"

const vectors = JSON.parse(
  readFileSync(new URL("../../docs/protocol/vectors/records.json", import.meta.url), "utf8"),
) as {
  hosts: { meaning: string; tree: string; host: AnnouncedHost; text: string; txt: string[] }[]
  invalidHosts: { meaning: string; tree: string; text: string }[]
  invalidTxt: { meaning: string; id: string; txt: string[] }[]
}

const badRecord = expect.objectContaining({ code: "BadRecord" })

describe("Host record vectors", () => {
  it.each(vectors.hosts)("$meaning", ({ tree, host, text }) => {
    expect(fromUtf8(encodeHostRecord(tree, host))).toBe(text)
    expect(decodeHostRecord(utf8(text), tree)).toEqual(host)
  })
  it.each(vectors.invalidHosts)("refused: $meaning", ({ tree, text }) => {
    expect(() => decodeHostRecord(utf8(text), tree)).toThrow(badRecord)
  })
  it.each(vectors.hosts)("on the LAN: $meaning", ({ tree, host, txt }) => {
    expect(textsOf(tree, host).map(fromUtf8)).toEqual(txt)
    expect(readTexts(host.id, txt.map(utf8))).toEqual({ tree, host })
    expect(readTexts(host.id, [...txt, "later=1", "a plain text", "name=second", ""].map(utf8))).toEqual({ tree, host })
  })
  it.each(vectors.invalidTxt)("refused on the LAN: $meaning", ({ id, txt }) => {
    expect(() => readTexts(id, txt.map(utf8))).toThrow(badRecord)
  })
})

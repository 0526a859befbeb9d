/** The golden vectors of docs/protocol/document.md, which another language wrote. */
import { readFileSync } from "node:fs"
import { fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf"
import { describe, expect, it } from "vitest"
import * as Y from "yjs"
import { fromHex, toHex } from "../core/bytes.ts"
import * as messages from "../message/generated/document_pb.ts"
import { decodeMessage, FrameKind, fragmentFrame, noticeFrame, readNotice } from "./document-message.ts"
import { fingerprint } from "./fingerprint.ts"
import { deleteDigest, versionOf } from "./yjs/version.ts"

interface Vectors {
  readonly digests: readonly { meaning: string; runs: [number, number, number][]; hex: string }[]
  readonly versions: readonly { meaning: string; hex: string; fingerprint: string }[]
  readonly messages: readonly { meaning: string; message: string; json?: JsonValue; update?: string; hex: string }[]
}
const vectors = JSON.parse(
  readFileSync(new URL("../../docs/protocol/vectors/document.json", import.meta.url), "utf8"),
) as Vectors

const schemas = new Map(
  [
    messages.DocumentSyncRequestSchema,
    messages.DocumentSyncReplySchema,
    messages.DocumentPullSchema,
    messages.DocumentPushSchema,
    messages.DocumentPushReplySchema,
    messages.DocumentLeaveSchema,
    messages.DocumentHeldRequestSchema,
    messages.DocumentHeldReplySchema,
    messages.PresenceRequestSchema,
    messages.PresenceReplySchema,
    messages.PresenceFrameSchema,
  ].map(schema => [schema.name, schema] as const),
)

/** A document in which exactly these clocks are deleted. */
function withDeleted(runs: readonly [number, number, number][]): Y.Doc {
  const doc = new Y.Doc()
  const text = doc.getText("text")
  for (const client of new Set(runs.map(run => run[0]))) {
    doc.clientID = client
    const own = runs.filter(run => run[0] === client)
    const end = Math.max(...own.map(run => run[2])) + 1
    const before = text.length
    text.insert(before, "x".repeat(end))
    for (const [, from, through] of own.sort((a, b) => b[1] - a[1])) text.delete(before + from, through - from)
  }
  return doc
}

describe("docs/protocol/vectors/document.json", () => {
  for (const { meaning, runs, hex } of vectors.digests) {
    it(`digest: ${meaning}`, () => expect(toHex(deleteDigest(withDeleted(runs)))).toBe(hex))
  }

  for (const { meaning, hex, fingerprint: print } of vectors.versions) {
    it(`fingerprint: ${meaning}`, () => expect(toHex(fingerprint(fromHex(hex)))).toBe(print))
  }

  it("version: of the documents described", () => {
    const doc = new Y.Doc()
    expect(toHex(versionOf(doc))).toBe(vectors.versions[0]!.hex)
    doc.clientID = 1
    doc.getText("text").insert(0, "hi")
    expect(toHex(versionOf(doc))).toBe(vectors.versions[1]!.hex)
    doc.getText("text").delete(1, 1)
    expect(toHex(versionOf(doc))).toBe(vectors.versions[2]!.hex)
  })

  for (const { meaning, message, json, update, hex } of vectors.messages) {
    it(`${message}: ${meaning}`, () => {
      if (message === "fragment") {
        expect(toHex(fragmentFrame(fromHex(update!)))).toBe(hex)
        return
      }
      if (message === "DocumentNotice") {
        const notice = fromJson(messages.DocumentNoticeSchema, json!)
        expect(fromHex(hex)[0]).toBe(FrameKind.Notice)
        expect(toHex(noticeFrame(notice))).toBe(hex)
        expect(readNotice(fromHex(hex))).toEqual(notice)
        return
      }
      const schema = schemas.get(message as never)!
      const value = fromJson(schema, json!)
      expect(toHex(toBinary(schema, value))).toBe(hex)
      expect(decodeMessage(schema, fromHex(hex))).toEqual(value)
    })
  }
})

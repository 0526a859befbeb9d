import { describe, expect, it } from "vitest"
import * as Y from "yjs"
import type { TextDocument } from "../../index.ts"
import { mirroredDocument } from "./mirrored-document.ts"

/** The part of an open text that mirrors use, over a Y.Doc. */
function open(): { doc: Y.Doc; mirrored: ReturnType<typeof mirroredDocument> } {
  const doc = new Y.Doc()
  const shared = doc.getText("text")
  const document = {
    shared,
    toString: () => shared.toString(),
    insert: (at: number, text: string) => shared.insert(at, text),
    delete: (at: number, length: number) => shared.delete(at, length),
    transact: <T>(edits: () => T) => doc.transact(edits),
  } as unknown as TextDocument
  return { doc, mirrored: mirroredDocument(document) }
}

function exchange(a: Y.Doc, b: Y.Doc): void {
  Y.applyUpdate(a, Y.encodeStateAsUpdate(b))
  Y.applyUpdate(b, Y.encodeStateAsUpdate(a))
}

describe("mirroredDocument", () => {
  it("seeded twice at once with one text has it once", () => {
    const a = open()
    const b = open()
    a.mirrored.seed("the same file\n")
    b.mirrored.seed("the same file\n")
    exchange(a.doc, b.doc)
    expect([a, b].map(each => each.mirrored.toString())).toEqual(["the same file\n", "the same file\n"])
  })

  it("seeded twice at once with different texts has both", () => {
    const a = open()
    const b = open()
    a.mirrored.seed("one\n")
    b.mirrored.seed("two\n")
    exchange(a.doc, b.doc)
    expect(a.mirrored.toString()).toBe(b.mirrored.toString())
    expect(a.mirrored.toString().split("\n").sort()).toEqual(["", "one", "two"])
  })

  it("takes a text again that it had before and lost", () => {
    const { mirrored } = open()
    mirrored.seed("text")
    mirrored.apply([{ at: 0, remove: 4, insert: "" }])
    mirrored.seed("text")
    expect(mirrored.toString()).toBe("text")
  })

  it("applies edits in the places they were made for", () => {
    const { mirrored } = open()
    mirrored.seed("0123456789")
    mirrored.apply([
      { at: 1, remove: 2, insert: "a" },
      { at: 5, remove: 0, insert: "bc" },
      { at: 9, remove: 1, insert: "" },
    ])
    expect(mirrored.toString()).toBe("0a34bc5678")
  })
})

import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { applied, editsForDocument, moved } from "./three-way.ts"

function merged(base: string, file: string, document: string): string {
  return applied(document, editsForDocument({ base, file, document }))
}

describe("editsForDocument", () => {
  it("does nothing when the file is as it was", () =>
    expect(editsForDocument({ base: "one", file: "one", document: "one two" })).toEqual([]))

  it("does nothing when both sides made the same change", () =>
    expect(editsForDocument({ base: "one", file: "one two", document: "one two" })).toEqual([]))

  it("takes the file's change over when the document is as it was", () =>
    expect(merged("one three", "one two three", "one three")).toBe("one two three"))

  it("keeps changes of both sides in different places", () =>
    expect(merged("first\nsecond\nthird\n", "FIRST\nsecond\nthird\n", "first\nsecond\nthird\nfourth\n")).toBe(
      "FIRST\nsecond\nthird\nfourth\n",
    ))

  it("keeps insertions of both sides at one place, the document's first", () =>
    expect(merged("ac", "a-file-c", "a-document-c")).toBe("a-document--file-c"))

  it("keeps what one side wrote into what the other removed", () =>
    expect(merged("keep [gone] keep", "keep [go!!ne] keep", "keep  keep")).toBe("keep !! keep"))

  it("removes once what both removed", () => expect(merged("abcdef", "aef", "abf")).toBe("af"))

  it("never loses what either side inserted, nor removes what neither removed", () => {
    const change = fc.array(fc.tuple(fc.nat(40), fc.nat(4)), { maxLength: 5 })
    fc.assert(
      fc.property(fc.string({ minLength: 5, maxLength: 40 }), change, change, (base, ofFile, ofDocument) => {
        // Each side inserts characters that occur nowhere else, so that they can be counted.
        const file = changed(base, ofFile, "Ⓕ")
        const document = changed(base, ofDocument, "Ⓓ")
        const result = merged(base, file, document)
        expect(count(result, "Ⓕ")).toBe(count(file, "Ⓕ"))
        expect(count(result, "Ⓓ")).toBe(count(document, "Ⓓ"))
      }),
      { numRuns: 400 },
    )
  })
})

describe("moved", () => {
  it("gives the same text whichever side moves, but for order at one place", () => {
    const base = "0123456789"
    const a = [
      { at: 2, remove: 3, insert: "A" },
      { at: 8, remove: 0, insert: "aa" },
    ]
    const b = [
      { at: 4, remove: 3, insert: "B" },
      { at: 9, remove: 1, insert: "" },
    ]
    expect(applied(applied(base, b), moved(a, b))).toBe("01AB7aa8")
    expect(applied(applied(base, a), moved(b, a))).toBe("01AB7aa8")
  })
})

function changed(base: string, changes: readonly (readonly [number, number])[], mark: string): string {
  let text = base
  for (const [at, remove] of changes) {
    const from = Math.min(at, text.length)
    text = text.slice(0, from) + mark + text.slice(from + remove)
  }
  return text
}

function count(text: string, mark: string): number {
  return text.split(mark).length - 1
}

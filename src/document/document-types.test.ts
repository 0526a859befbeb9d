import { describe, expect, it } from "vitest"
import type { DocumentType } from "./document-type.ts"
import { DocumentTypes } from "./document-types.ts"
import { text } from "./yjs/text.ts"

const renamed = (changes: Partial<DocumentType>) => ({ ...(text as unknown as DocumentType), ...changes })

describe("DocumentTypes", () => {
  it("knows what it was given by its name, however often", () => {
    const type = renamed({ name: "poem" })
    const types = new DocumentTypes([type])
    types.register(type)
    expect(types.named("poem")).toBe(type)
  })

  it("says how to bring a type that it does not know", () => {
    expect(() => new DocumentTypes([]).named("poem")).toThrow(expect.objectContaining({ code: "Unsupported" }))
  })

  it("refuses a second type of one name", () => {
    const types = new DocumentTypes([renamed({ name: "poem" })])
    expect(() => types.register(renamed({ name: "poem" }))).toThrow(expect.objectContaining({ code: "TypeMismatch" }))
  })

  it("refuses what is no type, and one whose fragments need an order", () => {
    const types = new DocumentTypes([])
    for (const name of ["", "a\0b", "x".repeat(65)])
      expect(() => types.register(renamed({ name }))).toThrow(expect.objectContaining({ code: "BadOption" }))
    const ordered = renamed({ order: "ordered" as DocumentType["order"] })
    expect(() => types.register(ordered)).toThrow(expect.objectContaining({ code: "Unsupported" }))
  })
})

import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { difference } from "./difference.ts"
import { applied } from "./three-way.ts"

/** Texts that share much, as versions of one file do. */
const versions = fc
  .array(fc.constantFrom("alpha\n", "beta\n", "gamma\n", "x", "🙂", "🙃", "\r\n", "é", ""), { maxLength: 30 })
  .chain(parts =>
    fc.tuple(
      fc.constant(parts.join("")),
      fc
        .array(fc.tuple(fc.nat(30), fc.nat(3), fc.constantFrom("", "new ", "🙂", "🙃", "line\n")), { maxLength: 6 })
        .map(changes => {
          const changed: string[] = [...parts]
          for (const [at, remove, insert] of changes) changed.splice(at, remove, insert)
          return changed.join("")
        }),
    ),
  )

/** `encodeURIComponent` throws on half a pair. */
function splitsPairs(text: string): boolean {
  try {
    encodeURIComponent(text)
    return false
  } catch {
    return true
  }
}

describe("difference", () => {
  it("finds nothing between equal texts", () => expect(difference("same", "same")).toEqual([]))

  it("finds one keystroke in a long text", () => {
    const text = "line of text\n".repeat(100_000)
    const changed = `${text.slice(0, 700_000)}!${text.slice(700_000)}`
    const [edit, ...more] = difference(text, changed)
    expect(more).toEqual([])
    expect(edit).toMatchObject({ remove: 0, insert: "!" })
  })

  it("finds two far changes apart, not as one", () => {
    const text = Array.from({ length: 50_000 }, (_, index) => `line ${index}\n`).join("")
    const changed = text.replace("line 7\n", "line seven\n").replace("line 49990\n", "")
    const edits = difference(text, changed)
    expect(applied(text, edits)).toBe(changed)
    expect(edits.reduce((sum, edit) => sum + edit.remove + edit.insert.length, 0)).toBeLessThan(40)
  })

  it("is bounded for large texts that share nothing, and coarse rather than wrong", () => {
    const before = Array.from({ length: 60_000 }, (_, index) => `a${index * 7}\n`).join("")
    const after = Array.from({ length: 60_000 }, (_, index) => `b${index * 11}\n`).join("")
    const edits = difference(before, after)
    expect(applied(before, edits)).toBe(after)
    expect(edits.length).toBe(1)
  })

  it("never cuts a surrogate pair", () => {
    // 🙂 and 🙃 share their first half.
    expect(difference("a🙂b", "a🙃b")).toEqual([{ at: 1, remove: 2, insert: "🙃" }])
    // 🙂 (d83d de42) and 🩂 (d83e de42) share their second half.
    expect(difference("a\u{1f642}b", "a\u{1fa42}b")).toEqual([{ at: 1, remove: 2, insert: "\u{1fa42}" }])
  })

  it("gives edits that lead from any version to any other, whole characters only", () => {
    fc.assert(
      fc.property(versions, fc.constantFrom(0, 20, 4_000_000), ([before, after], stretchCells) => {
        const edits = difference(before, after, { stretchCells })
        expect(applied(before, edits)).toBe(after)
        let end = -1
        for (const edit of edits) {
          expect(edit.at).toBeGreaterThan(end)
          expect(splitsPairs(edit.insert) || splitsPairs(before.slice(edit.at, edit.at + edit.remove))).toBe(false)
          end = edit.at + edit.remove
        }
      }),
      { numRuns: 400 },
    )
  })
})

import { describe, it } from "vitest"
import { type TextDocument, text } from "../../src/document/yjs/text.ts"
import { documentTypeSuite } from "../../src/testing/suites/document-type-suite.ts"

const words = ["a", "zinc ", "größer ", "😀", "\n", "0123456789"]

documentTypeSuite({
  runner: { describe, it },
  name: "text",
  type: text,
  edit(view, random) {
    const position = between(view, random.below(view.length + 1))
    view.insert(position, words[random.below(words.length)]!)
    if (random.below(4) === 0)
      view.format(0, between(view, random.below(view.length + 1)), { bold: random.below(2) === 0 || null })
  },
  remove(view, random) {
    if (view.length === 0) return
    const position = between(view, random.below(view.length))
    const end = Math.min(view.length, position + 1 + random.below(4))
    view.delete(position, (between(view, end) < end ? end + 1 : end) - position)
  },
  undo: view => view.undo(),
  redo: view => view.redo(),
})

/** Never the middle of a surrogate pair. */
function between(view: TextDocument, position: number): number {
  const code = view.toString().charCodeAt(position)
  return code >= 0xdc00 && code < 0xe000 ? position - 1 : position
}

import { describe, it } from "vitest"
import * as Y from "yjs"
import type { Random } from "../../src/core/random.ts"
import { type YjsDocument, yjs } from "../../src/document/yjs/yjs.ts"
import { documentTypeSuite } from "../../src/testing/suites/document-type-suite.ts"

documentTypeSuite({
  runner: { describe, it },
  name: "yjs",
  type: yjs,
  edit(view, random) {
    const { map, array } = parts(view)
    if (random.below(2) === 0) array.insert(random.below(array.length + 1), [random.below(1_000)])
    else map.set(`k${random.below(8)}`, new Y.Map([["n", random.below(1_000)]]))
  },
  remove(view, random: Random) {
    const { map, array } = parts(view)
    if (array.length > 0) array.delete(random.below(array.length), 1)
    else for (const key of map.keys()) return map.delete(key)
  },
  undo: view => view.undo(),
  redo: view => view.redo(),
})

function parts(view: YjsDocument) {
  return { map: view.doc.getMap("map"), array: view.doc.getArray<number>("array") }
}

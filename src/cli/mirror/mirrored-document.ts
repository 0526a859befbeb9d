/** A text document of an endpoint, as the mirror needs it. */
import * as Y from "yjs"
import type { TextDocument } from "../../index.ts"
import { contentHash } from "../content-hash.ts"
import { rootNameOf } from "../shared-root.ts"
import type { Edit } from "./difference.ts"
import type { MirroredText } from "./mirror.ts"

export function mirroredDocument(document: TextDocument): MirroredText {
  return {
    toString: () => document.toString(),
    seed: text => seed(document, text),
    apply(edits) {
      document.transact(() => {
        // From the last to the first, so that the places of those before stay true.
        for (const { at, remove, insert } of [...edits].reverse() as Edit[]) {
          if (remove > 0) document.delete(at, remove)
          if (insert !== "") document.insert(at, insert)
        }
      })
    },
    observe: changed =>
      document.observe(({ source }) => {
        if (source === "remote") changed()
      }),
  }
}

/**
 * Two mirrors that start at once both find the document empty, and both have the file. What they seed it with is made by
 * one and the same author, named after the text, so that equal texts are one and the same change and stand there once.
 */
function seed(document: TextDocument, text: string): void {
  const author = new Y.Doc()
  author.clientID = Number.parseInt(contentHash(text).slice(0, 8), 16)
  author.getText(rootNameOf(document)).insert(0, text)
  Y.applyUpdate(document.shared.doc!, Y.encodeStateAsUpdate(author), "seed")
  author.destroy()
  // The same text was there before and was removed since: a change that is known does nothing.
  if (document.toString() !== text) document.insert(0, text)
}

/** A text document of an endpoint, as the mirror needs it. */
import type { TextDocument } from "../../index.ts"
import type { Edit } from "./difference.ts"
import type { MirroredText } from "./mirror.ts"

export function mirroredDocument(document: TextDocument): MirroredText {
  return {
    toString: () => document.toString(),
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

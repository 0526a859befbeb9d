/** Under which name a text stands in its Y.Doc: what updates made elsewhere must use. */
import type { TextDocument } from "../document/index.ts"

export function rootNameOf({ shared }: TextDocument): string {
  for (const [name, type] of shared.doc?.share ?? []) if ((type as unknown) === shared) return name
  throw new Error("the text is no root of its document")
}

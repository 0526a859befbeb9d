/** The whole Y.Doc, for those who want maps, arrays and XML, or bind an editor. */
import type { Awareness } from "y-protocols/awareness"
import type * as Y from "yjs"
import { type DocumentHandle, OpenDocument } from "../document-handle.ts"
import type { DocumentType } from "../document-type.ts"
import { plainDocument } from "./plain-value.ts"
import { YjsReplica } from "./yjs-replica.ts"

export class YjsDocument extends OpenDocument {
  /**
   * Yours to edit, observe and bind; Zinc only adds what comes from elsewhere, in transactions whose origin is
   * `remoteOrigin`. Closing destroys it.
   */
  readonly doc: Y.Doc
  readonly #replica: YjsReplica<YjsDocument>

  constructor(replica: YjsReplica<YjsDocument>, handle: DocumentHandle) {
    super(handle)
    this.#replica = replica
    this.doc = replica.doc
  }

  /**
   * Who is present and where, for editor bindings: a y-protocols Awareness over `presence`. Asking for it makes one present
   * here. States are JSON of at most 16 KiB; a larger one throws `TooLarge` at `setLocalState`.
   */
  get awareness(): Awareness {
    return this.#replica.awareness(this.presence)
  }

  /** Takes back the last step made at this endpoint, wherever in the document; edits within half a second are one. */
  undo(): boolean {
    return this.#replica.undo()
  }
  redo(): boolean {
    return this.#replica.redo()
  }
}

/** A whole Y.Doc. */
export const yjs: DocumentType<YjsDocument> = {
  name: "yjs",
  order: "commutative",
  open: (state, options) =>
    new YjsReplica<YjsDocument>(state, {
      ...options,
      view: (replica, handle) => new YjsDocument(replica, handle),
      snapshot: plainDocument,
    }),
}

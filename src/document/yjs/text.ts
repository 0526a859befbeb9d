/**
 * Rich text. Positions and lengths are UTF-16 code units, as in JavaScript strings; a surrogate pair (😀) counts two. Never
 * cut between the two: Yjs puts replacement characters there, and not at the same moment everywhere.
 */

import type { Awareness } from "y-protocols/awareness"
import type * as Y from "yjs"
import { checkFunction } from "../../core/arguments.ts"
import { ZincError } from "../../core/errors.ts"
import { type DocumentHandle, OpenDocument } from "../document-handle.ts"
import type { DocumentType } from "../document-type.ts"
import { remoteOrigin } from "./remote-origin.ts"
import { YjsReplica } from "./yjs-replica.ts"

/** Marks of a run of text: `{ bold: true, link: "…" }`; null removes one. */
export type TextAttributes = Readonly<Record<string, unknown>>

/** One step through a text, in the form Quill made common: keep, remove, or put in. */
export type TextStep =
  | { readonly retain: number; readonly attributes?: TextAttributes }
  | { readonly delete: number }
  | { readonly insert: string | object; readonly attributes?: TextAttributes }

export interface TextChange {
  readonly delta: readonly TextStep[]
  readonly source: "local" | "remote"
}

export class TextDocument extends OpenDocument {
  /** The shared text itself, for editor bindings. */
  readonly shared: Y.Text
  readonly #replica: YjsReplica<TextDocument>

  constructor(replica: YjsReplica<TextDocument>, handle: DocumentHandle) {
    super(handle)
    this.#replica = replica
    this.shared = replica.doc.getText(rootName)
  }

  /**
   * Who is present and where, for editor bindings: a y-protocols Awareness over `presence`. Asking for it makes one present
   * here. States are JSON of at most 16 KiB; a larger one throws `TooLarge` at `setLocalState`.
   */
  get awareness(): Awareness {
    return this.#replica.awareness(this.presence)
  }

  get length(): number {
    return this.shared.length
  }
  override toString(): string {
    return this.shared.toString()
  }
  /** The whole text as insertions with their marks. */
  toDelta(): TextStep[] {
    return this.shared.toDelta() as TextStep[]
  }

  /** Throws `BadOption` outside the text, `Closed` after closing. */
  insert(position: number, text: string, attributes?: TextAttributes): void {
    this.#check(position, 0)
    if (typeof text !== "string") throw new ZincError("BadOption", "the text to insert is not a string")
    checkMarks(attributes)
    if (attributes === undefined) this.shared.insert(position, text)
    else this.shared.insert(position, text, { ...attributes })
  }
  /** Throws `BadOption` outside the text, `Closed` after closing. */
  delete(position: number, length: number): void {
    this.#check(position, length)
    this.shared.delete(position, length)
  }
  /** Sets marks; null removes one. Throws `BadOption` outside the text, `Closed` after closing. */
  format(position: number, length: number, attributes: TextAttributes): void {
    this.#check(position, length)
    checkMarks(attributes)
    this.shared.format(position, length, { ...attributes })
  }
  /** Throws `BadOption` for steps beyond the text, `Closed` after closing. */
  applyDelta(delta: readonly TextStep[]): void {
    let reach = 0
    if (!Array.isArray(delta)) throw new ZincError("BadOption", "a delta is a list of steps")
    for (const step of delta as readonly TextStep[]) {
      if (typeof step !== "object" || step === null)
        throw new ZincError("BadOption", "a step of a delta is an object with insert, retain or delete")
      checkMarks((step as { attributes?: TextAttributes }).attributes)
      if ("retain" in step) reach += step.retain
      else if ("delete" in step) reach += step.delete
    }
    this.#check(0, reach)
    this.shared.applyDelta(delta as TextStep[])
  }
  /** Makes all edits within it one change: one event, one step of undo, never seen half. */
  transact<T>(edits: () => T): T {
    this.#check(0, 0)
    checkFunction("edits", edits)
    return this.#replica.doc.transact(edits)
  }

  /** Runs after each change with what changed. Returns what stops it. */
  observe(listener: (change: TextChange) => void): () => void {
    checkFunction("a listener", listener)
    const observer = (event: Y.YTextEvent, transaction: Y.Transaction) => {
      const source = transaction.origin === remoteOrigin ? "remote" : "local"
      listener({ delta: event.delta as TextStep[], source })
    }
    this.shared.observe(observer)
    return () => this.shared.unobserve(observer)
  }

  /** Takes back the last step made at this endpoint; edits within half a second are one. False when there is none. */
  undo(): boolean {
    this.#check(0, 0)
    return this.#replica.undo()
  }
  redo(): boolean {
    this.#check(0, 0)
    return this.#replica.redo()
  }

  #check(position: number, length: number): void {
    if (this.state === "closed") throw new ZincError("Closed", `document "${this.name}" is closed; open it again`)
    if (
      !(Number.isInteger(position) && Number.isInteger(length) && position >= 0 && length >= 0) ||
      position + length > this.shared.length
    ) {
      throw new ZincError(
        "BadOption",
        `${String(position)} and ${String(length)} more is not within "${this.name}", which has ${this.shared.length} UTF-16 code units`,
      )
    }
  }
}

/** Marks travel as JSON. Throws `BadOption`. */
function checkMarks(attributes: TextAttributes | undefined): void {
  if (attributes === undefined) return
  try {
    JSON.stringify(attributes)
  } catch (cause) {
    throw new ZincError("BadOption", "the attributes of text are values that JSON can write", { cause })
  }
}

const rootName = "text"

/** Rich text over Yjs. */
export const text: DocumentType<TextDocument> = {
  name: "text",
  order: "commutative",
  open: (state, options) =>
    new YjsReplica<TextDocument>(state, {
      ...options,
      view: (replica, handle) => new TextDocument(replica, handle),
      snapshot: doc => doc.getText(rootName).toDelta(),
    }),
}

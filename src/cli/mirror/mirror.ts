/**
 * Keeps one file and one text document in step, in both directions, for as long as it runs.
 *
 * All work is steps, one after the other, however many changes ask for one. A step looks at the file; if it is not what
 * we last read or wrote, the difference goes into the document (three-way.ts), and then, if the file does not say what
 * the document says, the file is replaced. The file is compared by its octets, so our own write is no change and there
 * is no echo.
 *
 * - Deleted outside: said, the document stays as it is, and the file comes back with the next change of the document,
 *   from whichever side (a file created anew by hand is taken as an edit of what was there).
 * - Made unusable outside (binary, too large): said, and the file is left alone until it can be used again.
 */
import { equalBytes, type ZincError } from "../../core/index.ts"
import type { Edit } from "./difference.ts"
import type { TextFile } from "./text-file.ts"
import { decodeText, encodeText, plainFormat, type TextFormat } from "./text-format.ts"
import { editsForDocument } from "./three-way.ts"

/** The document as the mirror needs it. */
export interface MirroredText {
  toString(): string
  /** Fills the empty document. Who else seeds it with the same text at the same time adds nothing. */
  seed(text: string): void
  /** Applies edits, ascending and in positions of the text now, as one change. */
  apply(edits: readonly Edit[]): void
  /** Calls back after changes that came from elsewhere. */
  observe(changed: () => void): () => void
}

export type Preference = "document" | "file"

export interface MirrorOptions {
  readonly file: TextFile
  readonly document: MirroredText
  /** Whose text stays when both have one at the start and they differ. Default "document": the file's is kept beside it. */
  readonly prefer?: Preference
  readonly maxBytes: number
  readonly on: (event: MirrorEvent) => void
  /** How long a file must have been still before its change is taken, in milliseconds: editors write in pieces. Default 40. */
  readonly settleMs?: number
}

export type MirrorEvent =
  /** What was done at the start. `kept` is the copy of the file's own version. */
  | {
      readonly type: "started"
      readonly action: "seeded" | "created" | "equal" | "overwritten" | "preferred"
      readonly kept?: string
    }
  | { readonly type: "toDocument"; readonly edits: number; readonly inserted: number; readonly removed: number }
  | { readonly type: "toFile"; readonly bytes: number }
  | { readonly type: "deleted" }
  | { readonly type: "refused"; readonly error: ZincError }
  | { readonly type: "usable" }

export class Mirror {
  readonly #options: MirrorOptions
  readonly #file: TextFile
  readonly #document: MirroredText
  readonly #settleMs: number
  /** What the file holds as far as we know; undefined while it is missing. */
  #bytes: Uint8Array | undefined
  /** The same as document text; stays when the file goes, for the case that it comes back. */
  #base = ""
  #format: TextFormat = plainFormat
  #refused: string | undefined
  #running: Promise<void> | undefined
  #again = false
  #documentChanged = false
  #unobserve: (() => void) | undefined
  /** What is done at the start is told as one event. */
  #started = false

  constructor(options: MirrorOptions) {
    this.#options = options
    this.#file = options.file
    this.#document = options.document
    this.#settleMs = options.settleMs ?? 40
  }

  /** Brings both to one text. Throws `BadFile` when the file cannot be used. */
  async start(): Promise<void> {
    const reading = await this.#file.read()
    if (reading.state === "refused") throw reading.error
    const document = this.#document.toString()
    if (reading.state === "missing") {
      await this.#write()
      this.#options.on({ type: "started", action: "created" })
    } else {
      const { text, format } = decodeText(reading.bytes, this.#file.given)
      this.#bytes = reading.bytes
      this.#base = text
      this.#format = format
      if (document === text) this.#options.on({ type: "started", action: "equal" })
      else if (document === "") {
        this.#document.seed(text)
        this.#options.on({ type: "started", action: "seeded" })
      } else if (this.#options.prefer === "file") {
        this.#toDocument(editsForDocument({ base: document, file: text, document }))
        this.#options.on({ type: "started", action: "preferred" })
      } else {
        const kept = text === "" ? undefined : await this.#file.keepCopy()
        await this.#write()
        this.#options.on({ type: "started", action: "overwritten", ...(kept === undefined ? {} : { kept }) })
      }
    }
    this.#started = true
    this.#unobserve = this.#document.observe(() => {
      this.#documentChanged = true
      this.look()
    })
    await this.settled()
  }

  /** Something may have changed, here or there. */
  look(): void {
    if (this.#running !== undefined) {
      this.#again = true
      return
    }
    this.#running = this.#steps().finally(() => {
      this.#running = undefined
    })
  }

  /** Looks once more and resolves when nothing is left to be done. */
  async settled(): Promise<void> {
    do {
      this.look()
      await this.#running
    } while (this.#again)
  }

  /** Takes what the file says once more, then stops. */
  async close(): Promise<void> {
    this.#unobserve?.()
    await this.settled()
  }

  async #steps(): Promise<void> {
    do {
      this.#again = false
      try {
        await this.#step()
      } catch (error) {
        this.#refuse(error as ZincError)
      }
    } while (this.#again)
  }

  async #step(): Promise<void> {
    const changed = this.#documentChanged
    this.#documentChanged = false
    const reading = await this.#readStill()
    if (reading.state === "refused") {
      this.#refuse(reading.error)
      return
    }
    if (reading.state === "missing") {
      if (this.#bytes !== undefined) {
        this.#bytes = undefined
        this.#options.on({ type: "deleted" })
      }
      if (changed) await this.#write()
      return
    }
    if (this.#bytes === undefined || !equalBytes(reading.bytes, this.#bytes)) this.#takeIn(reading.bytes)
    if (this.#refused !== undefined) {
      this.#refused = undefined
      this.#options.on({ type: "usable" })
    }
    await this.#write()
  }

  /** The file's edit into the document. */
  #takeIn(bytes: Uint8Array): void {
    const { text, format } = decodeText(bytes, this.#file.given)
    const edits = editsForDocument({ base: this.#base, file: text, document: this.#document.toString() })
    this.#bytes = bytes
    this.#base = text
    this.#format = format
    this.#toDocument(edits)
  }

  #toDocument(edits: readonly Edit[]): void {
    if (edits.length === 0) return
    this.#document.apply(edits)
    if (!this.#started) return
    let inserted = 0
    let removed = 0
    for (const edit of edits) {
      inserted += edit.insert.length
      removed += edit.remove
    }
    this.#options.on({ type: "toDocument", edits: edits.length, inserted, removed })
  }

  /** The document's text into the file, if it says something else. */
  async #write(): Promise<void> {
    const bytes = encodeText(this.#document.toString(), this.#format, this.#file.given)
    if (this.#bytes !== undefined && equalBytes(bytes, this.#bytes)) return
    this.#file.assertSize(bytes.length)
    const replaced = await this.#file.replace(bytes, this.#bytes, late => {
      // Written into the old file while it was being replaced: an edit of what was there before.
      this.#takeIn(late)
      this.#again = true
    })
    if (!replaced) {
      // Somebody was faster: take their change in first.
      this.#documentChanged = true
      this.#again = true
      return
    }
    this.#bytes = bytes
    this.#base = decodeText(bytes, this.#file.given).text
    if (this.#started) this.#options.on({ type: "toFile", bytes: bytes.length })
  }

  /** Reads a changed file only once it is still, so that no half-written text is taken for an edit. */
  async #readStill() {
    let reading = await this.#file.read()
    // A file written without pause is taken as it is after a while.
    for (let tries = 0; tries < 25; tries++) {
      if (reading.state === "present" && this.#bytes !== undefined && equalBytes(reading.bytes, this.#bytes)) break
      if (reading.state === "missing" && this.#bytes === undefined) break
      const stamp = this.#file.stamp()
      // Gone or emptied is how many editors begin to save: wait longer before it is believed.
      const emptied = reading.state === "missing" || (reading.state === "present" && reading.bytes.length === 0)
      await pause(emptied ? 6 * this.#settleMs : this.#settleMs)
      const still = this.#file.stamp() === stamp
      reading = await this.#file.read()
      if (still && this.#file.stamp() === stamp) break
    }
    return reading
  }

  #refuse(error: ZincError): void {
    if (this.#refused === error.message) return
    this.#refused = error.message
    this.#options.on({ type: "refused", error })
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

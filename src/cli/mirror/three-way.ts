/**
 * The step that lets a file and a document change at the same time. Both come from the same base: the text the mirror
 * last saw in the file. The file's edits are moved to where their places are in the document now, so that what others
 * wrote meanwhile stays, and only what the file's owner changed is applied.
 *
 * Nothing that either side inserted is lost. What one side removed and the other left alone goes. Where both removed
 * the same stretch it goes once. Where both inserted at one place, both stay: the document's first.
 */
import { type DifferenceLimits, difference, type Edit } from "./difference.ts"

export interface ThreeWay {
  /** The file as the mirror last read or wrote it. */
  readonly base: string
  /** The file now. */
  readonly file: string
  /** The document now. */
  readonly document: string
}

/** What to do to the document, ascending, in positions of the document now. Apply from the last to the first. */
export function editsForDocument(texts: ThreeWay, limits?: DifferenceLimits): Edit[] {
  const ours = difference(texts.base, texts.file, limits)
  if (ours.length === 0 || texts.document === texts.base) return ours
  if (texts.document === texts.file) return []
  return moved(ours, difference(texts.base, texts.document, limits))
}

/**
 * `edits`, made for a text, as they apply to that text after `others`. Both ascending, in positions of that text. Both
 * lists are walked as one would walk the text: keep, insert or remove, in steps of the shorter of the two.
 */
export function moved(edits: readonly Edit[], others: readonly Edit[]): Edit[] {
  const ours = new Walk(edits)
  const theirs = new Walk(others)
  const result: { at: number; remove: number; insert: string }[] = []
  /** Where we are in the text after `others`. */
  let at = 0
  const take = (remove: number, insert: string) => {
    const last = result.at(-1)
    if (last !== undefined && last.at + last.remove === at) {
      last.remove += remove
      last.insert += insert
    } else result.push({ at, remove, insert })
    at += remove
  }
  while (!ours.ended) {
    if (theirs.insert !== "") at += theirs.takeInsert().length
    else if (ours.insert !== "") take(0, ours.takeInsert())
    else {
      const length = Math.min(ours.run, theirs.run)
      if (theirs.removes) {
        // They removed it: whether we did too makes no difference.
      } else if (ours.removes) take(length, "")
      else at += length
      ours.advance(length)
      theirs.advance(length)
    }
  }
  return result
}

/** A list of edits as steps over the text: an insertion, then a run that is removed or kept. */
class Walk {
  readonly #edits: readonly Edit[]
  #index = 0
  #at = 0
  #inserted = false

  constructor(edits: readonly Edit[]) {
    this.#edits = edits
  }

  /** Nothing but keeping is left. */
  get ended(): boolean {
    return this.#index >= this.#edits.length
  }

  get #here(): Edit | undefined {
    const edit = this.#edits[this.#index]
    return edit !== undefined && this.#at >= edit.at ? edit : undefined
  }

  /** What is inserted here; empty when nothing is, or it was taken. */
  get insert(): string {
    return this.#inserted ? "" : (this.#here?.insert ?? "")
  }

  takeInsert(): string {
    const text = this.insert
    this.#inserted = true
    this.#finish()
    return text
  }

  get removes(): boolean {
    return (this.#here?.remove ?? 0) > 0
  }

  /** Units until the next step. */
  get run(): number {
    const edit = this.#edits[this.#index]
    if (edit === undefined) return Number.POSITIVE_INFINITY
    return this.#at < edit.at ? edit.at - this.#at : edit.at + edit.remove - this.#at
  }

  advance(length: number): void {
    this.#at += length
    this.#finish()
  }

  #finish(): void {
    const edit = this.#here
    if (edit === undefined || this.#at < edit.at + edit.remove || this.insert !== "") return
    this.#index++
    this.#inserted = false
  }
}

/** The text after the edits (ascending, in positions of the text). */
export function applied(text: string, edits: readonly Edit[]): string {
  let result = ""
  let at = 0
  for (const edit of edits) {
    result += text.slice(at, edit.at) + edit.insert
    at = edit.at + edit.remove
  }
  return result + text.slice(at)
}

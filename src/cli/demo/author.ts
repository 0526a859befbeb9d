/**
 * Writes paragraphs into the common text, a few characters at a time, with a slip now and then that is taken back. Finds
 * its place by the paragraph's marker, so others may write before and after it; and goes on from whatever is already
 * there, so it can finish what somebody else had to leave.
 */
import { markerOf } from "./story.ts"

/** The common text as an author needs it. */
export interface SharedText {
  toString(): string
  insert(at: number, text: string): void
  delete(at: number, length: number): void
  transact<T>(edits: () => T): T
}

/** Every so many characters one is mistyped. */
const slipEvery = 37

export class Author {
  readonly #text: SharedText
  readonly #left: { readonly paragraph: number; readonly words: string }[]
  #slipped = false
  /** Edits made so far: each insertion and each deletion is one. */
  edits = 0

  constructor(text: SharedText, paragraphs: readonly string[], mine: readonly number[]) {
    this.#text = text
    this.#left = mine.map(paragraph => ({ paragraph, words: paragraphs[paragraph]! }))
  }

  get finished(): boolean {
    return this.#left.length === 0
  }

  /** Makes up to `many` edits, one character each, as one change. */
  write(many: number): void {
    if (this.finished) return
    this.#text.transact(() => {
      for (let edit = 0; edit < many && !this.finished; edit++) this.#edit()
    })
  }

  #edit(): void {
    const { paragraph, words } = this.#left[0]!
    const marker = markerOf(paragraph)
    const content = this.#text.toString()
    const at = content.indexOf(marker)
    if (at === -1) {
      // Somebody else has finished it.
      this.#left.shift()
      return
    }
    const written = content.slice(content.lastIndexOf("\n", at - 1) + 1, at)
    this.edits++
    if (!words.startsWith(written)) {
      this.#text.delete(at - 1, 1)
      this.#slipped = true
    } else if (written.length === words.length) {
      this.#text.delete(at, marker.length)
      this.#left.shift()
    } else if (!this.#slipped && written.length % slipEvery === slipEvery - 1) {
      this.#text.insert(at, words[written.length] === "x" ? "y" : "x")
    } else {
      this.#text.insert(at, words[written.length]!)
      this.#slipped = false
    }
  }
}

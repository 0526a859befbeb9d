import { describe, expect, it } from "vitest"
import { Author, type SharedText } from "./author.ts"
import { blankStory, markerOf, paragraphs, story } from "./story.ts"

class PlainText implements SharedText {
  text: string
  constructor(text: string) {
    this.text = text
  }
  toString() {
    return this.text
  }
  insert(at: number, text: string) {
    this.text = this.text.slice(0, at) + text + this.text.slice(at)
  }
  delete(at: number, length: number) {
    this.text = this.text.slice(0, at) + this.text.slice(at + length)
  }
  transact<T>(edits: () => T): T {
    return edits()
  }
}

function finish(author: Author): void {
  for (let turn = 0; !author.finished; turn++) {
    expect(turn).toBeLessThan(10_000)
    author.write(7)
  }
}

describe("Author", () => {
  it("writes the whole story with others, turn by turn", () => {
    const text = new PlainText(blankStory)
    const authors = [0, 1, 2].map(
      number =>
        new Author(
          text,
          paragraphs,
          paragraphs.map((_, index) => index).filter(index => index % 3 === number),
        ),
    )
    for (let turn = 0; turn < 5_000; turn++) for (const author of authors) author.write(3)
    expect(authors.every(author => author.finished)).toBe(true)
    expect(text.text).toBe(story)
  })

  it("makes slips and takes them back: more edits than characters", () => {
    const text = new PlainText(markerOf(0))
    const author = new Author(text, ["a".repeat(100)], [0])
    finish(author)
    expect(text.text).toBe("a".repeat(100))
    expect(author.edits).toBeGreaterThan(101)
  })

  it("finishes what another left, slip included", () => {
    const text = new PlainText(`before\n\nHello wx${markerOf(0)}\n\nafter`)
    finish(new Author(text, ["Hello world."], [0]))
    expect(text.text).toBe("before\n\nHello world.\n\nafter")
  })

  it("leaves alone what somebody else has finished", () => {
    const text = new PlainText("done")
    const author = new Author(text, ["done"], [0])
    author.write(1)
    expect([text.text, author.finished]).toEqual(["done", true])
  })
})

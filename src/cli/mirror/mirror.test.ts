import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { Edit } from "./difference.ts"
import { Mirror, type MirrorEvent, type MirroredText } from "./mirror.ts"
import { TextFile } from "./text-file.ts"
import { applied } from "./three-way.ts"

/** A document of one replica: what the others do is done by `remote`. */
class PlainText implements MirroredText {
  text: string
  changed: () => void = () => {}
  applied = 0
  constructor(text: string) {
    this.text = text
  }
  toString() {
    return this.text
  }
  seed(text: string) {
    this.text = text
  }
  apply(edits: readonly Edit[]) {
    this.applied++
    this.text = applied(this.text, edits)
  }
  observe(changed: () => void) {
    this.changed = changed
    return () => {}
  }
  remote(text: string) {
    this.text = text
    this.changed()
  }
}

let folder: string
let path: string
const events: MirrorEvent[] = []
const maxBytes = 1_000

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zinc-mirror-"))
  path = join(folder, "notes.txt")
  events.length = 0
})
afterEach(() => rmSync(folder, { recursive: true }))

async function open(document: PlainText, prefer: "document" | "file" = "document"): Promise<Mirror> {
  const file = await TextFile.open(path, { maxBytes })
  const mirror = new Mirror({ file, document, prefer, maxBytes, settleMs: 2, on: event => events.push(event) })
  await mirror.start()
  return mirror
}

const content = () => readFileSync(path, "utf8")
const types = () => events.map(event => event.type)

describe("Mirror at its start", () => {
  it("seeds an empty document from the file", async () => {
    writeFileSync(path, "from the file")
    const document = new PlainText("")
    await open(document)
    expect(document.text).toBe("from the file")
    expect(events).toEqual([{ type: "started", action: "seeded" }])
  })

  it("creates a missing file, also an empty one", async () => {
    await open(new PlainText("from the document"))
    expect(content()).toBe("from the document")
    unlinkSync(path)
    await open(new PlainText(""))
    expect(content()).toBe("")
  })

  it("lets the document win, and keeps the file's version under the first free number", async () => {
    writeFileSync(path, "mine")
    writeFileSync(`${path}.orig-1`, "older")
    await open(new PlainText("theirs"))
    expect(content()).toBe("theirs")
    expect(readFileSync(`${path}.orig-2`, "utf8")).toBe("mine")
    expect(readFileSync(`${path}.orig-1`, "utf8")).toBe("older")
  })

  it("lets the file win when asked", async () => {
    writeFileSync(path, "mine")
    const document = new PlainText("theirs")
    await open(document, "file")
    expect([content(), document.text]).toEqual(["mine", "mine"])
  })

  it("touches nothing when both are equal", async () => {
    writeFileSync(path, "same")
    const before = statSync(path)
    const document = new PlainText("same")
    await open(document)
    const { ino, mtimeMs } = statSync(path)
    expect({ ino, mtimeMs }).toEqual({ ino: before.ino, mtimeMs: before.mtimeMs })
    expect(document.applied).toBe(0)
  })

  const refused: readonly (readonly [string, () => void, RegExp])[] = [
    ["a folder", () => mkdirSync(path), /it is a folder/],
    ["a missing folder above", () => rmSync(folder, { recursive: true }), /does not exist/],
    ["a binary file", () => writeFileSync(path, Uint8Array.of(1, 0, 2)), /binary/],
    ["a file that is no UTF-8", () => writeFileSync(path, Uint8Array.of(0xff)), /not UTF-8/],
    ["a file that is too large", () => writeFileSync(path, "x".repeat(maxBytes + 1)), /more than 1000/],
  ]
  for (const [name, make, message] of refused)
    it(`refuses ${name}`, async () => {
      make()
      await expect(open(new PlainText("text"))).rejects.toMatchObject({
        code: "BadFile",
        message: expect.stringMatching(message),
      })
      mkdirSync(folder, { recursive: true })
    })
})

describe("Mirror at work", () => {
  it("takes an edit of the file into the document, and does not write it back", async () => {
    writeFileSync(path, "one\ntwo\n")
    const document = new PlainText("one\ntwo\n")
    const mirror = await open(document)
    writeFileSync(path, "one\n1.5\ntwo\n")
    await mirror.settled()
    expect(document.text).toBe("one\n1.5\ntwo\n")
    expect(types()).toEqual(["started", "toDocument"])
  })

  it("takes a file that an editor renamed over the old one", async () => {
    writeFileSync(path, "old")
    const document = new PlainText("old")
    const mirror = await open(document)
    writeFileSync(join(folder, "notes.txt~"), "new")
    renameSync(join(folder, "notes.txt~"), path)
    await mirror.settled()
    expect(document.text).toBe("new")
  })

  it("writes a change of the document, whole, leaving nothing beside the file and keeping its mode", async () => {
    writeFileSync(path, "a")
    chmodSync(path, 0o640)
    const document = new PlainText("a")
    const mirror = await open(document)
    document.remote("ab")
    await mirror.settled()
    expect(content()).toBe("ab")
    expect(statSync(path).mode & 0o777).toBe(0o640)
    expect(readdirSync(folder)).toEqual(["notes.txt"])
  })

  it("merges edits of both sides", async () => {
    writeFileSync(path, "first\nsecond\nthird\n")
    const document = new PlainText("first\nsecond\nthird\n")
    const mirror = await open(document)
    writeFileSync(path, "FIRST\nsecond\nthird\n")
    document.remote("first\nsecond\nthird\nfourth\n")
    await mirror.settled()
    expect(document.text).toBe("FIRST\nsecond\nthird\nfourth\n")
    expect(content()).toBe(document.text)
  })

  it("keeps Windows lines and the byte order mark in the file and out of the document", async () => {
    writeFileSync(path, "\ufeffa\r\nb\r\n")
    const document = new PlainText("")
    const mirror = await open(document)
    expect(document.text).toBe("a\nb\n")
    document.remote("a\nb\nc\n")
    await mirror.settled()
    expect(content()).toBe("\ufeffa\r\nb\r\nc\r\n")
  })

  it("says when the file is deleted, and brings it back with the next change of the document", async () => {
    writeFileSync(path, "a")
    const document = new PlainText("a")
    const mirror = await open(document)
    unlinkSync(path)
    await mirror.settled()
    expect(types()).toEqual(["started", "deleted"])
    expect(document.text).toBe("a")
    document.remote("ab")
    await mirror.settled()
    expect(content()).toBe("ab")
  })

  it("leaves a file alone that became binary, says so once, and goes on when it is text again", async () => {
    writeFileSync(path, "a")
    const document = new PlainText("a")
    const mirror = await open(document)
    writeFileSync(path, Uint8Array.of(0x61, 0))
    await mirror.settled()
    document.remote("ab")
    await mirror.settled()
    expect([...readFileSync(path)]).toEqual([0x61, 0])
    expect(types()).toEqual(["started", "refused"])
    writeFileSync(path, "ac")
    await mirror.settled()
    expect([content(), document.text]).toEqual(["abc", "abc"])
    expect(types()).toEqual(["started", "refused", "toDocument", "usable", "toFile"])
  })

  it("does not write a document that outgrew the limit", async () => {
    writeFileSync(path, "a")
    const document = new PlainText("a")
    const mirror = await open(document)
    document.remote("x".repeat(maxBytes + 1))
    await mirror.settled()
    expect(content()).toBe("a")
    expect(events.at(-1)).toMatchObject({ type: "refused", error: { code: "BadFile" } })
  })

  it("writes through a link, which stays a link", async () => {
    const target = join(folder, "target.txt")
    writeFileSync(target, "a")
    symlinkSync(target, path)
    const document = new PlainText("a")
    const mirror = await open(document)
    document.remote("ab")
    await mirror.settled()
    expect(readFileSync(target, "utf8")).toBe("ab")
    expect(statSync(path).ino).toBe(statSync(target).ino)
  })
})

describe("TextFile", () => {
  it("refuses to replace a file that is not as expected", async () => {
    writeFileSync(path, "theirs")
    const file = await TextFile.open(path, { maxBytes })
    const encoder = new TextEncoder()
    expect(await file.replace(encoder.encode("new"), encoder.encode("ours"), () => {})).toBe(false)
    expect(await file.replace(encoder.encode("new"), undefined, () => {})).toBe(false)
    expect(content()).toBe("theirs")
    expect(readdirSync(folder)).toEqual(["notes.txt"])
  })
})

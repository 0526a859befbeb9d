/** zinc mirror, with real files and real editors' ways of saving. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { Cli, endAll, openHost, until, zinc } from "./cli-process.ts"

let folder: string
let address: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "zinc-cli-"))
  address = (await openHost()).address
})
afterEach(() => {
  endAll()
  rmSync(folder, { recursive: true })
})

async function mirror(path: string, ...words: string[]): Promise<Cli> {
  const cli = new Cli(["mirror", path, address, "--document", "notes", "--json", ...words])
  await cli.event({ event: "mirroring" })
  return cli
}

const path = (name: string) => join(folder, name)
const text = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), "utf8") : undefined)
const has = (name: string, content: string) =>
  until(`${name} is ${JSON.stringify(content)}`, () => text(name) === content)

describe("zinc mirror", () => {
  it("keeps two files in step, whoever edits and however they save", async () => {
    writeFileSync(path("a.txt"), "one\ntwo\n")
    await mirror(path("a.txt"))
    await mirror(path("b.txt"))
    await has("b.txt", "one\ntwo\n")
    // In place.
    appendFileSync(path("b.txt"), "three\n")
    await has("a.txt", "one\ntwo\nthree\n")
    // Written beside, then renamed over.
    writeFileSync(path("a.txt~"), "ONE\ntwo\nthree\n")
    renameSync(path("a.txt~"), path("a.txt"))
    await has("b.txt", "ONE\ntwo\nthree\n")
    // The old one renamed away, then written anew.
    renameSync(path("b.txt"), path("b.bak"))
    writeFileSync(path("b.txt"), "ONE\nTWO\nthree\n")
    await has("a.txt", "ONE\nTWO\nthree\n")
  })

  it("merges edits made at both ends at once, and loses none", async () => {
    const lines = (mark: string) => Array.from({ length: 40 }, (_, index) => `line ${index}${mark}\n`)
    writeFileSync(path("a.txt"), lines("").join(""))
    await mirror(path("a.txt"))
    await mirror(path("b.txt"))
    await has("b.txt", lines("").join(""))
    for (let round = 0; round < 10; round++) {
      // Neither waits for the other: the upper half is a's to edit, the lower half b's.
      writeFileSync(path("a.txt"), text("a.txt")!.replace(`line ${round}\n`, `line ${round} by a\n`))
      writeFileSync(path("b.txt"), text("b.txt")!.replace(`line ${20 + round}\n`, `line ${20 + round} by b\n`))
      await until("both files are equal and have both edits", () => {
        const a = text("a.txt")!
        return a === text("b.txt") && a.includes(`line ${round} by a\n`) && a.includes(`line ${20 + round} by b\n`)
      })
    }
    expect(text("a.txt")!.split("\n")).toHaveLength(41)
  })

  it("lets the document win at the start, keeping the file's version beside it", async () => {
    writeFileSync(path("a.txt"), "the document's\n")
    await mirror(path("a.txt"))
    writeFileSync(path("b.txt"), "my own\n")
    const b = await mirror(path("b.txt"))
    await b.event({ event: "started", action: "overwritten" })
    expect(text("b.txt")).toBe("the document's\n")
    expect(text("b.txt.orig-1")).toBe("my own\n")
  })

  it("lets the file win with --prefer file", async () => {
    writeFileSync(path("a.txt"), "the document's\n")
    await mirror(path("a.txt"))
    writeFileSync(path("b.txt"), "my own\n")
    await mirror(path("b.txt"), "--prefer", "file")
    await has("a.txt", "my own\n")
    expect(existsSync(path("b.txt.orig-1"))).toBe(false)
  })

  it("fetches and hands in with --once", async () => {
    writeFileSync(path("a.txt"), "handed in")
    expect((await zinc(["mirror", path("a.txt"), address, "--document", "notes", "--once"])).code).toBe(0)
    expect((await zinc(["mirror", path("b.txt"), address, "--document", "notes", "--once"])).code).toBe(0)
    expect(text("b.txt")).toBe("handed in")
  })

  it("brings a deleted file back with the next change", async () => {
    writeFileSync(path("a.txt"), "kept\n")
    await mirror(path("a.txt"))
    const b = await mirror(path("b.txt"))
    await has("b.txt", "kept\n")
    unlinkSync(path("b.txt"))
    await b.event({ event: "deleted" })
    expect(text("a.txt")).toBe("kept\n")
    appendFileSync(path("a.txt"), "more\n")
    await has("b.txt", "kept\nmore\n")
  })

  it("leaves a file alone that becomes binary, and goes on when it is text again", async () => {
    writeFileSync(path("a.txt"), "text\n")
    const a = await mirror(path("a.txt"))
    await mirror(path("b.txt"))
    await has("b.txt", "text\n")
    writeFileSync(path("a.txt"), Uint8Array.of(0x74, 0, 0xff))
    await a.says(/"warning":\{"code":"BadFile"/)
    appendFileSync(path("b.txt"), "more\n")
    writeFileSync(path("a.txt"), "text again\n")
    await a.event({ event: "usable" })
    await has("a.txt", "text again\nmore\n")
    await has("b.txt", "text again\nmore\n")
  })

  it("keeps mode, Windows lines and the byte order mark of each file", async () => {
    writeFileSync(path("a.txt"), "\ufeffone\r\n")
    chmodSync(path("a.txt"), 0o600)
    await mirror(path("a.txt"))
    await mirror(path("b.txt"))
    await has("b.txt", "one\n")
    appendFileSync(path("b.txt"), "two\n")
    await has("a.txt", "\ufeffone\r\ntwo\r\n")
    expect(statSync(path("a.txt")).mode & 0o777).toBe(0o600)
  })

  it("of one file on two sides, started at once, gives it once", async () => {
    writeFileSync(path("a.txt"), "the same file\n")
    writeFileSync(path("b.txt"), "the same file\n")
    await Promise.all([mirror(path("a.txt")), mirror(path("b.txt"))])
    appendFileSync(path("a.txt"), "and more\n")
    await has("b.txt", "the same file\nand more\n")
  })

  it("keeps what was edited while the host was dead, and hands it in when the host is back", async () => {
    const { host: first, address: door } = await openHost()
    writeFileSync(path("a.txt"), "one\n")
    const a = new Cli(["mirror", path("a.txt"), door, "--document", "notes", "--json"])
    await a.event({ event: "mirroring" })
    first.kill("SIGKILL")
    await a.event({ event: "left" })
    appendFileSync(path("a.txt"), "two\n")
    await a.event({ event: "toDocument" })
    const second = new Cli(["host", door, "--json"])
    await second.event({ event: "listening" })
    const b = new Cli(["mirror", path("b.txt"), door, "--document", "notes", "--json"])
    await b.event({ event: "mirroring" })
    await has("b.txt", "one\ntwo\n")
  })

  it("is ended at once by a second Ctrl-C, though its host is stuck", async () => {
    const { host: stuck, address: door } = await openHost()
    writeFileSync(path("a.txt"), "one\n")
    const a = new Cli(["mirror", path("a.txt"), door, "--document", "notes"])
    await a.says(/mirroring/)
    stuck.kill("SIGSTOP")
    appendFileSync(path("a.txt"), "two\n")
    await a.says(/a\.txt changed/)
    a.kill("SIGINT")
    await a.says(/closing…/)
    a.kill("SIGINT")
    expect((await a.ended).code).toBe(130)
    stuck.kill("SIGKILL")
  })

  it("hands in the last edit when it is ended with Ctrl-C", async () => {
    writeFileSync(path("a.txt"), "one\n")
    const a = await mirror(path("a.txt"))
    appendFileSync(path("a.txt"), "last words\n")
    a.kill("SIGINT")
    expect((await a.ended).code).toBe(130)
    mkdirSync(path("elsewhere"))
    await zinc(["mirror", path("elsewhere/b.txt"), address, "--document", "notes", "--once"])
    expect(text("elsewhere/b.txt")).toBe("one\nlast words\n")
  })
})

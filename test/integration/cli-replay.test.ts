/** zinc replay, over both transports, with clients as processes. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, describe, expect, it } from "vitest"
import { root } from "../tidy/source.ts"
import { Cli, endAll, errorOf, jsonLines, until, zinc } from "./cli-process.ts"

const folder = mkdtempSync(join(tmpdir(), "zinc-cli-"))
afterAll(() => {
  endAll()
  rmSync(folder, { recursive: true })
})

/** Two authors who do not wait for each other, with wide characters. */
const concurrent = {
  kind: "concurrent",
  numAgents: 2,
  endContent: "Hé🙂 there, wörld!",
  txns: [
    { parents: [], agent: 0, patches: [[0, 0, "hello world"]] },
    { parents: [0], agent: 0, patches: [[0, 1, "H"]] },
    { parents: [0], agent: 1, patches: [[7, 1, "ö"]] },
    { parents: [1], agent: 0, patches: [[1, 4, "é🙂 there,"]] },
    { parents: [2], agent: 1, patches: [[11, 0, "!"]] },
    { parents: [3, 4], agent: 0, patches: [] },
  ],
}

function trace(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, name.endsWith(".gz") ? gzipSync(JSON.stringify(content)) : JSON.stringify(content))
  return path
}

/** One edit each, as a person types, with a correction now and then. */
function typed(length: number): { endContent: string; txns: unknown[] } {
  const txns: unknown[] = []
  let text = ""
  for (let number = 0; number < length; number++) {
    const at = number % 7 === 6 ? 0 : text.length
    const remove = number % 11 === 10 ? Math.min(2, text.length - at) : 0
    const insert = number % 50 === 49 ? "🙂" : String.fromCharCode(97 + (number % 26))
    // Positions count characters, not the units of a JavaScript string.
    txns.push({ patches: [[[...text.slice(0, at)].length, [...text.slice(at, at + remove)].length, insert]] })
    text = text.slice(0, at) + insert + text.slice(at + remove)
  }
  return { endContent: text, txns }
}

let nativeLoads = true
try {
  createRequire(join(root, "package.json"))("zeromq")
} catch {
  nativeLoads = false
}

for (const transport of ["zmtp", "native"])
  describe.skipIf(transport === "native" && !nativeLoads)(`zinc replay over ${transport}`, () => {
    it("ends a sequential trace with equal replicas and the recorded text", async () => {
      const path = trace("typed.json.gz", typed(1_500))
      const end = await zinc(["replay", path, "--clients", "3", "--transport", transport, "--json"])
      expect(jsonLines(end.stdout).at(-1)).toEqual({
        converged: true,
        matches: true,
        edits: 1_500,
        seconds: expect.any(Number),
        editsPerSecond: expect.any(Number),
        clients: 3,
        transport,
      })
      expect(end.code).toBe(0)
    })

    it("gives a concurrent trace one client per author", async () => {
      const path = trace("concurrent.json", concurrent)
      const end = await zinc(["replay", path, "--transport", transport, "--json"])
      expect(jsonLines(end.stdout).at(-1)).toMatchObject({ converged: true, matches: true, edits: 6, clients: 2 })
      expect(end.code).toBe(0)
    })
  })

describe("zinc replay", () => {
  it("fails when the text is not the recorded one", async () => {
    const path = trace("wrong.json", { endContent: "other", txns: [{ patches: [[0, 0, "text"]] }] })
    const end = await zinc(["replay", path, "--json"])
    expect(jsonLines(end.stdout).at(-1)).toMatchObject({ converged: true, matches: false })
    expect(end.code).toBe(1)
  })

  it("wants a client for each author", async () => {
    const end = await zinc(["replay", trace("concurrent.json", concurrent), "--clients", "1", "--json"])
    expect(errorOf(end)).toMatchObject({ code: "BadOption", message: expect.stringContaining("2 authors") })
    expect(end.code).toBe(2)
  })

  it("leaves no process behind on Ctrl-C", async () => {
    const path = trace("long.json", {
      endContent: "a".repeat(400_000),
      txns: Array.from({ length: 400_000 }, () => ({ patches: [[0, 0, "a"]] })),
    })
    const cli = new Cli(["replay", path, "--clients", "2"])
    await until("both clients are there", () => cli.children().length === 2)
    const pids = cli.children()
    cli.kill("SIGINT")
    expect((await cli.ended).code).toBe(130)
    await until("both clients are gone", () => pids.every(pid => !Cli.isAlive(pid)))
  })

  const friends = join(root, "../shared/traces/friendsforever.json.gz")
  it.skipIf(!existsSync(friends))("replays friendsforever to its recorded end", async () => {
    const end = await zinc(["replay", friends, "--clients", "3", "--json"])
    expect(jsonLines(end.stdout).at(-1)).toMatchObject({ converged: true, matches: true, edits: 26_078, clients: 3 })
    expect(end.code).toBe(0)
  })
})

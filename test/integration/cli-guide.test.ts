/** Every program in README and guide runs, and every command there has the options it is shown with. */
import { spawn } from "node:child_process"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { root, textOf } from "../tidy/source.ts"
import { zinc } from "./cli-process.ts"

const pages = [
  "README.md",
  "docs/security.md",
  ...readdirSync(join(root, "docs/guide")).map(name => `docs/guide/${name}`),
]

interface Block {
  readonly page: string
  readonly language: string
  readonly text: string
}

const blocks: readonly Block[] = pages.flatMap(page =>
  [...textOf(page).matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(match => ({ page, language: match[1]!, text: match[2]! })),
)

/** What the programs of each page print, in their order there; ports are the system's choice. */
const printed: Readonly<Record<string, readonly RegExp[]>> = {
  "README.md": [/^price\.eur { bid: 1\.08 }\none text, many hands\n$/],
  "docs/guide/first-steps.md": [/^others join tcp:\/\/127\.0\.0\.1:\d+\nhello\n$/],
  "docs/guide/messages.md": [/^room: true\n\[ \[ 'price\.eur', 1\.08 \], \[ 'price\.usd', 1 \] \]\n$/],
  "docs/guide/requests.md": [/^42\nNoHandler\n$/],
  "docs/guide/documents.md": [/^Buy bread, and cheese\n$/, /^Ada\n$/],
  "docs/guide/access.md": [/^in: open\nUnauthorized\n$/],
  "docs/guide/pages.md": [/^2 addresses\n$/],
  "docs/security.md": [/^in: open\n$/],
  "docs/guide/finding-hosts.md": [/^joined hub\nleft to find: 0\n$/],
  "docs/guide/three-voters.md": [/^(host relay relay|relay host relay|relay relay host)\nnumber 1\n$/],
  "docs/guide/trees.md": [
    /^price\.eur { bid: 1\.08 }\n$/,
    // What a host knows of the relays below it is a heartbeat old: a joiner may be sent one further down.
    /^1 1 2( [23]){3}\n$/,
    /^(hub came, 0 links.*\n|floor-2 came, 1 links.*\n)* hub root up \d 0 0\n {3}floor-2 relay up \d 0 0\n {5}ada client up 0 0 0\n/,
  ],
  "docs/guide/growing-trees.md": [
    /^6 endpoints\nat most [12] clients at one host\neva is [23] links from the root\n$/,
    /^ada is at hub\/[12]\n$/,
  ],
  "docs/guide/doctor.md": [/^joined\nleft\n$/],
}

describe("Programs in README, guide and the page on security", () => {
  const programs = new Map<string, Block[]>()
  for (const block of blocks) {
    if (block.language !== "js") continue
    programs.set(block.page, [...(programs.get(block.page) ?? []), block])
  }

  it("are the ones whose output is known here", () => {
    const counts = (of: Iterable<readonly [string, readonly unknown[]]>) =>
      Object.fromEntries([...of].map(([page, each]) => [page, each.length]))
    expect(counts(programs)).toEqual(counts(Object.entries(printed)))
  })

  for (const [page, ofPage] of programs)
    it(`of ${page} print what they should`, async () => {
      for (const [index, { text }] of ofPage.entries()) {
        const { status, stdout, stderr } = await runProgram(text)
        expect(stderr).toBe("")
        expect(stdout).toMatch(printed[page]![index]!)
        expect(status).toBe(0)
      }
    })
})

describe("Commands in README and guide", () => {
  const lines = blocks
    .filter(block => block.language === "sh")
    .flatMap(({ page, text }) => text.split("\n").map(line => ({ page, line })))
    .flatMap(({ page, line }) => {
      const match = /(?:^|\s)zinc (\w+)(.*?)(?:\s#.*)?$/.exec(line)
      return match === null ? [] : [{ page, command: match[1]!, options: match[2]!.match(/(?<=\s)--[a-z-]+/g) ?? [] }]
    })

  for (const command of new Set(lines.map(each => each.command)))
    it(`of zinc ${command} have the options they are shown with`, async () => {
      const { code, stdout } = await zinc([command, "--help"])
      expect(code).toBe(0)
      for (const { page, options } of lines.filter(each => each.command === command))
        for (const option of options) expect(stdout, `${option} in ${page}`).toMatch(new RegExp(`${option}\\b`))
    })
})

describe("Links in README and guide", () => {
  for (const page of pages)
    it(`of ${page} lead somewhere`, () => {
      const targets = [...textOf(page).matchAll(/\]\(([^)#]+?)(?:#[^)]*)?\)/g)].map(match => match[1]!)
      for (const target of targets) expect(() => readable(join(page, "..", target)), target).not.toThrow()
    })
})

function readable(path: string): void {
  if (path.endsWith("/")) readdirSync(join(root, path))
  else textOf(path)
}

/** As a module of this very package, so that `zincmq` is what was built. */
function runProgram(text: string): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, ["--input-type=module", "-"], { cwd: root, timeout: 60_000 })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", data => {
      stdout += data
    })
    child.stderr.on("data", data => {
      stderr += data
    })
    child.on("close", status => resolve({ status, stdout, stderr }))
    child.stdin.end(text)
  })
}

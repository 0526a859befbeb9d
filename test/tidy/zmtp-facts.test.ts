/** Each fact of how ZMTP really behaves is held by a test that exists, or by a decision that is written down. */
import { describe, expect, it } from "vitest"
import { filesBelow, textOf } from "./source.ts"

/** The numbered facts of our study of libzmq: greeting, frames, heartbeats, subscriptions, queues, transports, the rest. */
const numbered: readonly (readonly [prefix: string, last: number])[] = [
  ["G", 6],
  ["F", 9],
  ["H", 5],
  ["S", 7],
  ["Q", 8],
  ["E", 5],
  ["T", 5],
  ["W", 7],
  ["C", 3],
]
const ids = numbered.flatMap(([prefix, last]) => Array.from({ length: last }, (_, index) => `${prefix}${index + 1}`))

interface Row {
  readonly id: string
  readonly fact: string
  readonly held: string
}

const rows: Row[] = textOf("docs/protocol/zmtp-facts.md")
  .split("\n")
  .flatMap(line => {
    const match = /^\| ([A-Z]\d+) \| (.+) \| (.+) \|$/.exec(line)
    return match === null ? [] : [{ id: match[1]!, fact: match[2]!, held: match[3]! }]
  })

const files = new Set([...filesBelow("src"), ...filesBelow("test"), ...filesBelow("docs")])

/** What is wrong with one entry of the last column. */
function wrong(entry: string): string | undefined {
  const test = /^`([^`›]+) › ([^`]+)`$/.exec(entry)
  if (test !== null) {
    const [, path, title] = test
    if (!files.has(path!)) return `there is no ${path}`
    return textOf(path!).includes(title!) ? undefined : `${path} has no test "${title}"`
  }
  const decision = /^decision \[[^\]]+\]\(\.\.\/(decisions\/[^)]+)\)$/.exec(entry)?.[1]
  if (decision !== undefined) return files.has(`docs/${decision}`) ? undefined : `there is no docs/${decision}`
  if (/^decision: .{20,}/.test(entry)) return undefined
  return entry.startsWith("later: ") ? undefined : `"${entry}" is neither a test, a decision nor later work`
}

describe("docs/protocol/zmtp-facts.md", () => {
  it("has a row for every numbered fact, once, in order", () => {
    expect(rows.map(row => row.id)).toEqual(ids)
  })

  it("leaves only what this engine does not have yet for later", () => {
    expect(rows.filter(row => row.held.startsWith("later: ") && !/^[WC]/.test(row.id)).map(row => row.id)).toEqual([])
  })

  for (const { id, held } of rows) {
    it(`${id} is held by what exists`, () => {
      expect(
        held
          .split("<br>")
          .map(entry => wrong(entry.trim()))
          .filter(Boolean),
      ).toEqual([])
    })
  }
})

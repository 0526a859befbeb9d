// Our sockets against libzmq's, as a table: `npm run interop [-- --write]`. Runs the interop tests and prints what they
// say; with --write it also goes to docs/reference/interop.md.
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { readScriptOptions } from "./options.mjs"
import { findPython, installPython } from "./python.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const page = join(root, "docs/reference/interop.md")
const { write } = readScriptOptions(import.meta.url, { write: { type: "boolean", default: false } })
const python = findPython() ?? (installPython() ? findPython() : undefined)
const environment = { ...process.env }
if (python === undefined) console.error("!!! no python3 here imports zmq: its columns are missing")
else environment.ZINC_TEST_PYTHON = python

execFileSync(process.execPath, [join(root, "scripts/build.mjs")], { cwd: root, stdio: "inherit" })
const scratch = mkdtempSync(join(tmpdir(), "zinc-interop-"))
const file = join(scratch, "results.json")
const run = spawnSync(
  process.execPath,
  [
    join(root, "node_modules/vitest/vitest.mjs"),
    ...["run", "--project", "interop", "--reporter=json", `--outputFile.json=${file}`],
  ],
  { cwd: root, env: environment, stdio: ["ignore", "ignore", "inherit"], timeout: 600_000 },
)
const results = JSON.parse(readFileSync(file, "utf8"))
rmSync(scratch, { recursive: true, force: true })

const marks = { passed: "✓", failed: "✗" }

/** Marks by row and column, both in the order in which they are first named. */
class Table {
  #columns
  #rows = new Map()
  constructor(columns = []) {
    this.#columns = new Set(columns)
  }
  mark(row, column, status) {
    this.#columns.add(column)
    const cells = this.#rows.get(row) ?? {}
    // Several tests of one name: the worst is told.
    if (cells[column] !== marks.failed) cells[column] = marks[status] ?? "–"
    this.#rows.set(row, cells)
  }
  lines(first) {
    const columns = [...this.#columns].filter(each => [...this.#rows.values()].some(cells => cells[each]))
    return [
      `| ${first} | ${columns.join(" | ")} |`,
      `| --- | ${columns.map(() => "---").join(" | ")} |`,
      ...[...this.#rows].map(([row, cells]) => `| ${row} | ${columns.map(each => cells[each] ?? "–").join(" | ")} |`),
    ]
  }
}
const tests = results.testResults.flatMap(each =>
  each.assertionResults.map(test => ({ file: relative(root, each.name), title: test.fullName, status: test.status })),
)

/** "python libzmq our PUSH to their PULL over tcp, ours bound" */
const cell =
  /^(\S+) libzmq (our|their|the door's) (\w+) to (our|their|the door's) (\w+) over (\w+), (ours|theirs) bound$/
const ours = new Table()
const door = new Table()
for (const test of tests) {
  const match = cell.exec(test.title)
  if (match === null) continue
  const [, peer, who, sends, other, receives, transport, bound] = match
  const table = [who, other].includes("the door's") ? door : ours
  const row = `${who === "their" ? "theirs" : "ours"} ${sends} → ${receives}`
  table.mark(row, `${peer} ${transport}, ${bound} bound`, test.status)
}

/** What is not messages: by file, one row for what both peers are asked. */
const rest = new Map()
for (const test of tests) {
  if (cell.test(test.title)) continue
  const peer = /\b(python|npm)\b/.exec(test.title)?.[1] ?? "others"
  const row = test.title.replace(/\b(python|npm)( libzmq)?\b:?/, "libzmq").replaceAll("|", "\\|")
  const name = test.file.replace(/^test\/interop\/|\.test\.ts$/g, "")
  if (!rest.has(name)) rest.set(name, new Table(["python", "npm", "others"]))
  rest.get(name).mark(row, peer, test.status)
}

const lines = [
  "# Interoperability",
  "",
  "Our sockets against libzmq's through python3-zmq and npm `zeromq`, as `npm run interop` last printed it: ✓ passed, ✗ failed, – not asked; others are peers written by hand, octet by octet, and jszmq. Each cell is",
  "messages of 0, 1, 255, 256 and 65,535 octets, alone and a hundred frames together, and for some pairs 8 MiB; what was sent and what came are",
  "compared by hash at both ends, there and back where the pair goes both ways.",
  "",
  ...ours.lines("first to send"),
  "",
  "Through the drop-in door `zincmq/zeromq`, in a process of its own: the same sizes, a megabyte, and a hundred frames together.",
  "",
  ...door.lines("first to send"),
]
const topics = {
  handshake: "Greetings and handshakes",
  security: "CURVE, PLAIN and ZAP: let in, and refused",
  heartbeat: "Heartbeats, both ways",
  "peer-loss": "libzmq killed and started again",
  "our-loss": "A process of ours killed, started again, or standing still",
  "slow-reader": "Slow readers",
  queues: "Queues, identities and turns",
  subscriptions: "Subscriptions",
  stream: "STREAM, and what XSUB says to XPUB",
  websocket: "WebSocket",
  "peer-process": "The peers among themselves",
}
for (const name of [...Object.keys(topics), ...rest.keys()]) {
  const table = rest.get(name)
  if (table === undefined) continue
  rest.delete(name)
  lines.push("", `## ${topics[name] ?? name}`, "", ...table.lines("what"))
}
const counted = status => tests.filter(test => test.status === status).length
lines.push("", `In all ${tests.length} tests: ${counted("passed")} passed, ${counted("failed")} failed.`)
lines.push(
  "",
  "Not in the table: JeroMQ as Debian has it (0.3.6). It speaks ZMTP 2.0, and our engine speaks 3.0 and 3.1: a greeting of 2.0 is refused at its",
  'eleventh octet with `VersionMismatch` ("it announces ZMTP 2.0; use libzmq 4.0 or later there"), and the peer may try again.',
)
const text = `${lines.join("\n")}\n`
console.log(text)
for (const test of tests) if (test.status === "failed") console.log(`failed: ${test.file} › ${test.title}`)
if (write) writeFileSync(page, text)
process.exit(run.status ?? 1)

// Our sockets against libzmq's, as a table: `npm run interop [-- --write]`. Runs the interop tests and prints what they
// say; with --write it also goes to docs/reference/interop.md.
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { findPython, installPython } from "./python.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const page = join(root, "docs/reference/interop.md")
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
const tests = results.testResults.flatMap(each =>
  each.assertionResults.map(test => ({ file: relative(root, each.name), title: test.fullName, status: test.status })),
)

/** "python libzmq our PUSH to their PULL over tcp, ours bound" */
const cell = /^(\S+) libzmq (our|their) (\w+) to (?:our|their) (\w+) over (\w+), (ours|theirs) bound$/
const rows = new Map()
const columns = new Set()
for (const test of tests) {
  const match = cell.exec(test.title)
  if (match === null) continue
  const [, peer, who, sends, receives, transport, bound] = match
  const row = `${who === "our" ? "ours" : "theirs"} ${sends} → ${receives}`
  const column = `${peer} ${transport}, ${bound} bound`
  columns.add(column)
  rows.set(row, { ...rows.get(row), [column]: marks[test.status] ?? "–" })
}

const lines = [
  "# Interoperability",
  "",
  "Our sockets against libzmq's through python3-zmq and npm `zeromq`, as `npm run interop` last printed it. Each cell is messages of",
  "0, 1, 255, 256 and 65,535 octets, alone and a hundred frames together, and for some pairs 8 MiB; what was sent and what came are",
  "compared by hash at both ends, there and back where the pair goes both ways.",
  "",
  `| first to send | ${[...columns].join(" | ")} |`,
  `| --- | ${[...columns].map(() => "---").join(" | ")} |`,
  ...[...rows].map(([row, cells]) => `| ${row} | ${[...columns].map(column => cells[column] ?? "–").join(" | ")} |`),
  "",
  "What is not messages:",
  "",
  "| tests | passed | failed |",
  "| --- | --- | --- |",
]
for (const name of [...new Set(tests.map(test => test.file))].sort()) {
  const those = tests.filter(test => test.file === name && !cell.test(test.title))
  if (those.length === 0) continue
  const count = status => those.filter(test => test.status === status).length
  lines.push(`| ${name} | ${count("passed")} | ${count("failed")} |`)
}
lines.push(
  "",
  "Not in the table: JeroMQ as Debian has it (0.3.6). It speaks ZMTP 2.0, and our engine speaks 3.0 and 3.1: a greeting of 2.0 is refused at its",
  'eleventh octet with `VersionMismatch` ("it announces ZMTP 2.0; use libzmq 4.0 or later there"), and the peer may try again.',
)
const text = `${lines.join("\n")}\n`
console.log(text)
for (const test of tests) if (test.status === "failed") console.log(`failed: ${test.file} › ${test.title}`)
if (process.argv.includes("--write")) writeFileSync(page, text)
process.exit(run.status ?? 1)

// Runs Zinc on other runtimes than this one: Node 20, 22 and 24, Bun and Deno, each fetched from npm into a folder for
// temporary files and removed again. Prints a table; with --write it goes to docs/reference/platforms.md too.
//
//   npm run platforms                    the smoke program of test/platform on each
//   npm run platforms -- --tests         and the unit and conformance tests on each Node
//   npm run platforms -- --engine        and of those the ones of the engine: core, zmtp, transport, the drop-in door
//   npm run platforms -- --only bun,22   some of them
//
// With --write --only, the other rows of the page stay. --json FILE says what came of each; npm test uses it.
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { readScriptOptions } from "./options.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const page = join(root, "docs/reference/platforms.md")
const values = readScriptOptions(import.meta.url, {
  tests: { type: "boolean", default: false },
  write: { type: "boolean", default: false },
  engine: { type: "boolean", default: false },
  only: { type: "string" },
  json: { type: "string" },
  folder: { type: "string" },
})
const { platform, arch } = process
const engine = ["src/core", "src/zmtp", "src/transport/carrier", "src/transport/zmtp", "src/zeromq"]
const system = `${platform === "win32" ? "win" : platform}-${arch}`
const denoSystem = `${system}${platform === "linux" ? "-glibc" : ""}`

/** Each with the package that holds it for this machine, where in it, and what its command line wants. */
const runtimes = [
  ...[20, 22, 24].map(major => ({
    name: `Node ${major}`,
    package: `node-${system}@${major}`,
    path: `node-${system}/bin/node`,
    words: [],
    isNode: true,
  })),
  { name: "Bun", package: `@oven/bun-${system}`, path: `@oven/bun-${system}/bin/bun`, words: [] },
  { name: "Deno", package: `@deno/${denoSystem}`, path: `@deno/${denoSystem}/deno`, words: ["run", "-A"] },
].filter(each => {
  const wanted = values.only?.toLowerCase().split(",")
  return wanted?.some(name => each.name.toLowerCase().includes(name)) ?? true
})

spawnSync(process.execPath, [join(root, "scripts/build.mjs")], { cwd: root, stdio: "inherit" })
const scratch = values.folder ?? mkdtempSync(join(tmpdir(), "zinc-platforms-"))
const rows = []
/** What was run on which, and what came of it. */
const outcomes = []
let failed = false
try {
  for (const runtime of runtimes) rows.push(tried(runtime))
} finally {
  if (values.folder === undefined) rmSync(scratch, { recursive: true, force: true })
}
const lines = [
  `| runtime | version | smoke program | unit and conformance tests |`,
  "| --- | --- | --- | --- |",
  ...rows.map(row => `| ${row.name} | ${row.version} | ${row.smoke} | ${row.tests} |`),
]
console.log(lines.join("\n"))
if (values.write) {
  let text = readFileSync(page, "utf8")
  for (const line of lines.slice(2))
    text = text.replace(new RegExp(`^\\| ${line.split(" | ")[0].slice(2)} \\|.*$`, "m"), line)
  writeFileSync(page, text)
}
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(outcomes))
process.exit(failed ? 1 : 0)

function tried(runtime) {
  const { name, words, isNode } = runtime
  const program = found(runtime)
  if (program === undefined) {
    console.error(`\n!!! ${name} could not be had here (${runtime.package}): SKIPPED\n`)
    outcomes.push({ name: `${name}: could not be had`, status: "skipped" })
    return { name, version: "not to be had", smoke: "skipped", tests: "skipped" }
  }
  const version = spawnSync(program, ["--version"], { encoding: "utf8" }).stdout.trim().split(/[\n(]/)[0].trim()
  const run = spawnSync(program, [...words, join(root, "test/platform/smoke.mjs")], {
    cwd: root,
    encoding: "utf8",
    timeout: 600_000,
  })
  const checks = run.stdout
    .trim()
    .split("\n")
    .filter(line => line.startsWith("{"))
    .map(line => JSON.parse(line))
  const bad = checks.filter(each => each.result !== "passed")
  for (const each of bad) console.error(`${name}: ${each.check} ${each.result}: ${each.error ?? ""}`)
  if (bad.length > 0 || checks.length === 0 || run.status !== 0) {
    failed = true
    console.error(`${name}: ended with ${run.status}\n${run.stderr.slice(0, 2_000)}`)
  }
  for (const each of checks) outcomes.push({ name: `${name}: ${each.check}`, status: each.result })
  if (run.status !== 0) outcomes.push({ name: `${name}: the smoke program ended with ${run.status}`, status: "failed" })
  const smoke = `${checks.length - bad.length} of ${checks.length} passed`
  return { name, version, smoke, tests: tests(name, program, isNode) }
}

function tests(name, program, isNode) {
  if (!isNode) return "not run: the test runner is Node's"
  if (!values.tests && !values.engine) return "not run this time"
  const file = join(scratch, "results.json")
  const vitest = join(root, "node_modules/vitest/vitest.mjs")
  const projects = ["run", "--project", "unit", ...(values.tests ? ["--project", "conformance"] : [])]
  const words = [...projects, "--reporter=json", `--outputFile.json=${file}`, ...(values.tests ? [] : engine)]
  rmSync(file, { force: true })
  spawnSync(program, [vitest, ...words], { cwd: root, stdio: ["ignore", "ignore", "inherit"], timeout: 1_800_000 })
  let results
  try {
    results = JSON.parse(readFileSync(file, "utf8"))
  } catch {
    failed = true
    outcomes.push({ name: `${name}: its tests came to no end`, status: "failed" })
    return "came to no end"
  }
  const { numPassedTests, numFailedTests, testResults } = results
  for (const test of testResults.flatMap(each => each.assertionResults)) {
    outcomes.push({ name: `${name}: ${test.fullName}`, status: test.status })
    if (test.status === "failed") console.error(`${name}: failed: ${test.fullName}`)
  }
  if (numFailedTests > 0) failed = true
  const which = values.tests ? "" : " (the engine's)"
  return `${numPassedTests} passed, ${numFailedTests} failed${which}`
}

/** The program, fetched if need be; this one where it is of that version. */
function found({ name, package: wanted, path }) {
  if (name === `Node ${process.versions.node.split(".")[0]}`) return process.execPath
  const words = [
    "install",
    "--prefix",
    scratch,
    "--no-save",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--fetch-retries=1",
    wanted,
  ]
  const folder = join(scratch, "node_modules", path)
  const install = () => spawnSync("npm", words, { encoding: "utf8", timeout: 300_000, stdio: "ignore" }).status === 0
  const works = () => spawnSync(folder, ["--version"]).status === 0
  return install() && works() ? folder : undefined
}

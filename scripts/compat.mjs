// Runs zeromq.js's own unit tests against zincmq/zeromq: `npm run compat -- PATH [--grep TEXT]`, where PATH is a checkout of
// zeromq.js beside this tree. Nothing of it is copied into the tree: the tests are compiled into a folder for temporary
// files, with our door in the place of their sources. What they need to run (mocha, chai …) is installed there, in the
// versions below. Tests that cannot apply are listed in compat-skips.mjs, each with its reason; an entry that skips
// nothing is an error, so that the list stays true.
import { execFileSync, spawnSync } from "node:child_process"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { filesLeftOut } from "./compat-skips.mjs"

/** The commit whose tests the list of skips is about. */
const commit = "d7c6d2ee7c9c0c6e49ab38ca99f55efa0026a15d"
const needs = { mocha: "11.0.1", chai: "4.5.0", semver: "7.6.3", "proper-lockfile": "4.1.2" }

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [path, ...more] = process.argv.slice(2)
if (path === undefined || path.startsWith("-")) {
  console.error(`usage: npm run compat -- PATH [--grep TEXT]
PATH is a checkout of github.com/zeromq/zeromq.js, whose unit tests are to be run, best at commit ${commit}`)
  process.exit(2)
}
const checkout = resolve(path)
if (!existsSync(join(checkout, "test/unit"))) {
  console.error(`${checkout} has no test/unit; is it a checkout of zeromq.js?`)
  process.exit(2)
}
const found = spawnSync("git", ["-C", checkout, "rev-parse", "HEAD"], { encoding: "utf8" }).stdout.trim()
if (found !== commit) console.warn(`the checkout is at ${found || "an unknown commit"}; the skips are for ${commit}\n`)

const shared = join(tmpdir(), `zinc-compat-${userInfo().username}`)
mkdirSync(shared, { recursive: true })
// Each run has a folder of its own, in which what the tests need is found one level up.
const work = mkdtempSync(join(shared, "run-"))
process.on("exit", () => rmSync(work, { recursive: true, force: true }))
const isThere = folder => Object.keys(needs).every(name => existsSync(join(folder, "node_modules", name)))
if (!isThere(shared)) {
  console.log("installing what the tests need …")
  writeFileSync(join(work, "package.json"), JSON.stringify({ private: true, dependencies: needs }))
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--silent"], { cwd: work, stdio: "inherit" })
  try {
    renameSync(join(work, "node_modules"), join(shared, "node_modules"))
  } catch (thrown) {
    // Another run was faster, or an older one left half of it behind: then what is here serves this run.
    if (!["ENOTEMPTY", "EEXIST"].includes(thrown.code)) throw thrown
  }
}
const mocha = [work, shared].map(folder => join(folder, "node_modules/mocha/bin/mocha.js")).find(existsSync)

const tests = join(work, "from/test/unit")
mkdirSync(tests, { recursive: true })
const names = readdirSync(join(checkout, "test/unit")).filter(name => name.endsWith(".ts"))
const left = names.filter(name => name.endsWith("-test.ts") && name in filesLeftOut)
for (const name of names) if (!left.includes(name)) cpSync(join(checkout, "test/unit", name), join(tests, name))
// Their helper gives a process 750 ms to start, do its work and end; a busy machine takes as long to start it.
const helpers = readFileSync(join(tests, "helpers.ts"), "utf8")
writeFileSync(join(tests, "helpers.ts"), helpers.replace("}, 750)", "}, 4_000)"))
mkdirSync(join(work, "from/src"), { recursive: true })
cpSync(join(checkout, "src/errors.ts"), join(work, "from/src/errors.ts"))
// Types are the compiler's business elsewhere (test/types); here only behaviour counts.
writeFileSync(join(work, "from/src/index.d.ts"), "declare const zmq: any\nexport = zmq\n")
execFileSync(
  process.execPath,
  [
    join(root, "node_modules/typescript/bin/tsc"),
    ...names.filter(name => !left.includes(name)).map(name => join(tests, name)),
    join(work, "from/src/errors.ts"),
    "--outDir",
    join(work, "to"),
    "--rootDir",
    join(work, "from"),
    ...["--module", "commonjs", "--target", "es2022", "--noCheck", "--skipLibCheck", "--ignoreConfig"],
    ...["--moduleResolution", "bundler"],
  ],
  { stdio: "inherit", cwd: work },
)
const door = join(root, "dist/zeromq/index.js")
mkdirSync(join(work, "to/src"), { recursive: true })
const exported = `Object.defineProperty({ ...require(${JSON.stringify(door)}) }, "__esModule", { value: true })`
writeFileSync(join(work, "to/src/index.js"), `module.exports = ${exported}\n`)
writeFileSync(join(work, "to/index.js"), `module.exports = require("./src")\n`)

const compiled = join(work, "to/test/unit")
const files = readdirSync(compiled).filter(
  name =>
    name.endsWith("-test.js") && names.includes(name.replace(/js$/, "ts")) && !left.includes(name.replace(/js$/, "ts")),
)
const report = join(work, "skipped.json")
const run = spawnSync(
  process.execPath,
  [
    ...["--expose-gc", "--no-warnings", mocha],
    ...[
      "--exit",
      "--timeout",
      "10000",
      "--retries",
      "3",
      "--reporter",
      "dot",
      "--require",
      join(root, "scripts/compat-hooks.mjs"),
    ],
    ...more,
    ...files.map(name => join(compiled, name)),
  ],
  { stdio: "inherit", cwd: work, env: { ...process.env, SKIP_GC_TESTS: "true", ZINC_COMPAT_REPORT: report } },
)
const { skipped, stale, again } = JSON.parse(readFileSync(report, "utf8"))
console.log("Left out as files:")
for (const name of left) console.log(`  ${name}: ${filesLeftOut[name]}`)
console.log("Skipped:")
for (const [reason, titles] of Object.entries(skipped)) {
  console.log(`  ${reason}`)
  for (const title of titles) console.log(`    ${title}`)
}
if (again.length > 0) {
  console.log("Passed only when tried again:")
  for (const title of again) console.log(`  ${title}`)
}
if (more.length === 0 && stale.length > 0) {
  console.error(`These entries of scripts/compat-skips.mjs skip nothing: ${stale.join("; ")}`)
  process.exit(1)
}
process.exit(run.status ?? 1)

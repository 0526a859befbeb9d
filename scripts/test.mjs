// Everything that must hold, in one command: builds dist/, looks for the real peers that some tests need, runs every
// project of vitest.config.ts, simulates a thousand trees, and closes with "N passed, N failed[, N skipped]".
//
//   node scripts/test.mjs                 all of it
//   node scripts/test.mjs unit interop    only those projects; `swarm` and `promotion` are simulated trees, `platforms` other Nodes
import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { findPython, installPython } from "./python.mjs"
import { installServices } from "./services.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * Projects that may share the machine run together. Those that time real processes run after the others, and
 * integration one file at a time, so that a busy neighbour is not taken for a fault. The limits end what hangs: on a
 * quiet machine the rounds take one to three minutes, on a very busy one four times that.
 */
const rounds = [
  { projects: ["unit", "tidy", "conformance", "fuzz"], arguments: [], limitMinutes: 12 },
  { projects: ["simulation"], arguments: [], limitMinutes: 15 },
  { projects: ["interop"], arguments: [], limitMinutes: 10 },
  { projects: ["integration"], arguments: ["--no-file-parallelism"], limitMinutes: 20 },
]

/**
 * Simulated trees of 5 to 40 endpoints, each for a minute of virtual time or more with five faults or more, on all cores:
 * some three minutes on two quiet ones. Every seed counts as a test, and one that breaks a promise fails.
 */
const swarm = {
  project: "swarm",
  seeds: 1_000,
  limitMinutes: 40,
  shortOf: ({ seeds, virtualMs, faultsMin }) => [
    ...(virtualMs / seeds < 60_000 ? ["less than 60 simulated seconds a seed"] : []),
    ...(faultsMin < 5 ? [`a seed with ${faultsMin} faults; each is to have 5`] : []),
  ],
}

/** Trees of voters that lose root after root under load: half a minute on two quiet cores. */
const promotion = {
  project: "promotion",
  seeds: 40,
  limitMinutes: 15,
  shortOf: ({ seeds, counts }) => [
    ...(counts.rootKills < 8 * seeds ? [`${counts.rootKills} roots killed; there are to be 8 a seed`] : []),
    ...(counts.lostReplicated > 0 ? [`${counts.lostReplicated} replicated messages are lost`] : []),
  ],
}
const swarms = [swarm, promotion]

/** The smoke program and the engine's tests on other versions of Node than this one, where they can be fetched. */
const platforms = { project: "platforms", words: ["--engine", "--only", "node 22,node 24"], limitMinutes: 15 }

const wanted = process.argv.slice(2)
const known = [...rounds.flatMap(round => round.projects), platforms.project, ...swarms.map(({ project }) => project)]
for (const name of wanted) {
  if (!known.includes(name)) {
    console.error(`there is no test project "${name}"; the projects are ${known.join(", ")}`)
    process.exit(2)
  }
}

/** What could not be tested here, and why: said at the start and once more at the end. */
const missing = []

const environment = { ...process.env }
const python = findPython() ?? (installPython() ? findPython() : undefined)
if (python !== undefined) {
  environment.ZINC_TEST_PYTHON = python
  console.log(`python3 with zmq: ${python}`)
} else {
  delete environment.ZINC_TEST_PYTHON
  missing.push("no python3 here can `import zmq`: tests against python3-zmq are SKIPPED (install python3-zmq)")
}
if (!resolves("zeromq")) missing.push("npm `zeromq` does not load: tests against it are SKIPPED")
const { zookeeper, etcd } = installServices(console.log)
if (zookeeper === undefined)
  missing.push("no ZooKeeper here (java and its jar): tests against it are SKIPPED (install zookeeper)")
if (etcd === undefined) missing.push("no etcd here: tests against it are SKIPPED (install etcd-server)")
for (const line of missing) shout(line)

execFileSync(process.execPath, [join(root, "scripts/build.mjs")], { cwd: root, stdio: "inherit" })

const scratch = mkdtempSync(join(tmpdir(), "zinc-test-"))
const total = { passed: 0, failed: 0, skipped: 0 }
const skipped = []
const failed = []
try {
  for (const [index, round] of rounds.entries()) {
    const projects = round.projects.filter(name => wanted.length === 0 || wanted.includes(name))
    if (projects.length > 0) await runRound(projects, round, join(scratch, `${index}.json`))
  }
  if (wanted.length === 0 || wanted.includes(platforms.project)) await runPlatforms(join(scratch, "platforms.json"))
  for (const each of swarms)
    if (wanted.length === 0 || wanted.includes(each.project)) await runSwarm(each, join(scratch, each.project))
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

for (const line of missing) shout(line)
for (const name of skipped) console.log(`skipped: ${name}`)
for (const name of failed) console.log(`failed: ${name}`)
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`)
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0

async function runRound(projects, round, resultFile) {
  const status = await run(
    process.execPath,
    [
      join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      ...projects.flatMap(name => ["--project", name]),
      "--passWithNoTests",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${resultFile}`,
      ...round.arguments,
    ],
    round.limitMinutes,
  )
  const failedBefore = total.failed
  count(projects, resultFile)
  // An error outside of any test, or a run that was cut short, fails too, though no test carries it.
  if (status !== 0 && total.failed === failedBefore) fail(`${projects.join(" + ")}: vitest ended with status ${status}`)
}

/** What could not be fetched counts as skipped, and is said loudly. */
async function runPlatforms(file) {
  const status = await run(
    process.execPath,
    ["scripts/platforms.mjs", ...platforms.words, "--json", file],
    platforms.limitMinutes,
  )
  const failedBefore = total.failed
  let outcomes
  try {
    outcomes = JSON.parse(readFileSync(file, "utf8"))
  } catch (error) {
    fail(`${platforms.project}: no results (${error.message})`)
    return
  }
  for (const { name, status } of outcomes) {
    const title = `${platforms.project} › ${name}`
    if (status === "passed") total.passed++
    else if (status === "failed") fail(title)
    else {
      total.skipped++
      skipped.push(title)
      if (/could not be had/.test(name)) missing.push(`${name}: tests on it are SKIPPED`)
    }
  }
  if (status !== 0 && total.failed === failedBefore) fail(`${platforms.project}: ended with status ${status}`)
}

/** The figures go to the log; what they are to be at least is checked. */
async function runSwarm({ project, seeds, limitMinutes, shortOf }, folder) {
  const parameters = ["scripts/simulate.mjs", "--kind", project, "--seeds", String(seeds), "--state", folder]
  await run(process.execPath, parameters, limitMinutes)
  let tally
  try {
    const [file] = readdirSync(folder)
    tally = JSON.parse(readFileSync(join(folder, file), "utf8"))
  } catch (error) {
    fail(`${project}: no figures (${error.message})`)
    return
  }
  const { figures } = tally
  const failedSeeds = new Set(figures.failed.map(({ seed }) => seed))
  total.passed += figures.seeds - failedSeeds.size
  for (const { seed, invariant, what } of figures.failed) {
    fail(`${project} › seed ${seed}: ${invariant}: ${what.split("\n")[0].slice(0, 200)}`)
  }
  if (figures.seeds < seeds) fail(`${project}: ${figures.seeds} seeds of ${seeds} were simulated`)
  for (const what of shortOf(figures)) fail(`${project}: ${what}`)
}

function count(projects, resultFile) {
  let results
  try {
    results = JSON.parse(readFileSync(resultFile, "utf8"))
  } catch (error) {
    fail(`${projects.join(" + ")}: no results (${error.message})`)
    return
  }
  for (const file of results.testResults) {
    const name = relative(root, file.name)
    const outcomes = file.assertionResults
    for (const test of outcomes) {
      if (test.status === "passed") total.passed++
      else if (test.status === "failed") fail(`${name} › ${test.fullName}`)
      else {
        total.skipped++
        skipped.push(`${name} › ${test.fullName}`)
      }
    }
    // A file that does not even load has no tests to fail.
    if (file.status === "failed" && !outcomes.some(test => test.status === "failed")) fail(`${name}: ${file.message}`)
  }
}

function fail(name) {
  total.failed++
  failed.push(name)
}

/** The exit status; a run that overstays is ended together with all it started. */
function run(command, parameters, limitMinutes) {
  return new Promise(resolve => {
    const child = spawn(command, parameters, { cwd: root, env: environment, stdio: "inherit", detached: true })
    const stop = () => {
      try {
        process.kill(-child.pid, "SIGKILL")
      } catch {
        // It is gone already.
      }
    }
    const limit = setTimeout(() => {
      shout(`stopped after ${limitMinutes} minutes`)
      stop()
    }, limitMinutes * 60_000)
    const interrupted = () => {
      stop()
      process.exit(130)
    }
    process.once("SIGINT", interrupted)
    process.once("SIGTERM", interrupted)
    child.on("error", error => console.error(error.message))
    child.on("close", (status, signal) => {
      clearTimeout(limit)
      process.off("SIGINT", interrupted)
      process.off("SIGTERM", interrupted)
      resolve(status ?? signal)
    })
  })
}

function resolves(name) {
  try {
    createRequire(join(root, "package.json"))(name)
    return true
  } catch {
    return false
  }
}

function shout(text) {
  console.log(`\n!!! ${text}\n`)
}

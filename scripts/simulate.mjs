// Simulates Zinc from dist/ (`npm run simulate` builds it first): whole trees on virtual time, faults drawn from a seed.
//
//   npm run simulate -- --seeds 500                     seeds 1 to 500 of the default kind, on all cores
//   npm run simulate -- --seeds 500 --from 1001         others
//   npm run simulate -- --tree --nodes 40 --minutes 2   another kind, at most 40 endpoints, two minutes of faults
//   npm run simulate -- --seed 17                       one seed, with a log to read
//   npm run simulate -- --seed 17 --about c2            only lines that mention c2; --lines N for more of them
//   npm run simulate -- --seed 17 --shrink              its faults reduced to those that the failure needs
//   npm run simulate -- --election --without rewind     a rule left out, to see that it is noticed
//   npm run simulate -- --kinds                         which kinds there are
//
// A run goes on where it stopped: what is done is kept per kind, options and commit in --state FOLDER (.simulation/ here
// by default; --fresh starts anew). Every 50th seed runs twice, and must do the same (--twice: every seed). --jobs N
// processes (one a core), --limit SECONDS a seed may take, --json for the figures in a line of JSON.
import { availableParallelism } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { Figures, shrinkScript, simulationKinds } from "../dist/testing/simulation/index.js"
import { readScriptOptions } from "./options.mjs"
import { simulateRanges } from "./simulation/crew.mjs"
import { showFigures } from "./simulation/show.mjs"
import { commitOf, Tally } from "./simulation/tally.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const defaultKind = "swarm"
const twiceEvery = 50
const saveEveryMs = 5_000

const values = readScriptOptions(import.meta.url, {
  ...Object.fromEntries(Object.keys(simulationKinds).map(name => [name, { type: "boolean", default: false }])),
  kind: { type: "string" },
  kinds: { type: "boolean", default: false },
  seeds: { type: "string", default: "100" },
  from: { type: "string", default: "1" },
  seed: { type: "string" },
  nodes: { type: "string" },
  minutes: { type: "string" },
  without: { type: "string" },
  lines: { type: "string", default: "60" },
  about: { type: "string" },
  shrink: { type: "boolean", default: false },
  twice: { type: "boolean", default: false },
  fresh: { type: "boolean", default: false },
  state: { type: "string", default: join(root, ".simulation") },
  jobs: { type: "string", default: String(availableParallelism()) },
  limit: { type: "string", default: "300" },
  json: { type: "boolean", default: false },
})

if (values.kinds) {
  for (const { name, about, knobs, rules } of Object.values(simulationKinds)) {
    console.log(`--${name.padEnd(10)} ${about}`)
    console.log(`${" ".repeat(13)}takes ${["seed", ...knobs.filter(knob => knob !== "only")].join(", ")}`)
    if (rules.length > 0) console.log(`${" ".repeat(13)}rules ${rules.join(", ")}`)
  }
  process.exit()
}

const kind = chosenKind()
const options = chosenOptions(kind)
if (values.seed === undefined) await many()
else await one(number("seed", 0))

async function one(seed) {
  const whole = await kind.run({ ...options, seed, kept: 100_000 })
  let run = whole
  if (values.shrink && whole.violations.length > 0) {
    const wanted = whole.violations[0].invariant
    const kept = await shrinkScript(
      whole.faults.map((_, at) => at),
      async only => (await kind.run({ ...options, seed, only })).violations.some(each => each.invariant === wanted),
      100,
    )
    run = await kind.run({ ...options, seed, only: kept, kept: 100_000 })
    console.log(`${whole.faults.length} faults shrunk to ${kept.length}`)
  }
  const figures = new Figures()
  figures.add(run, 0)
  if (values.json) console.log(JSON.stringify({ kind: kind.name, ...options, seed, hash: run.hash, figures }))
  else console.log(run.report(number("lines", 0), values.about))
  process.exitCode = run.violations.length > 0 ? 1 : 0
}

async function many() {
  const from = number("from", 0)
  const through = from + number("seeds", 1) - 1
  const about = { kind: kind.name, options, commit: commitOf(root) }
  const tally = new Tally(resolve(values.state), about, values.fresh)
  const done = tally.count
  const ranges = tally.missing([from, through], 10)
  const jobs = number("jobs", 1)
  const toDo = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  const sitting = { started: performance.now(), seeds: 0, elapsedBefore: tally.elapsedMs }
  say(
    `${kind.name}, seeds ${from} to ${through} at ${about.commit}: ${toDo} to do${done > 0 ? `, ${done} done before` : ""}`,
  )

  const stopping = new AbortController()
  let saved = performance.now()
  let told = performance.now()
  const interrupted = () => stopping.abort()
  process.on("SIGINT", interrupted)
  process.on("SIGTERM", interrupted)
  await simulateRanges({
    ranges,
    kind: kind.name,
    options,
    jobs,
    twiceEvery: values.twice ? 1 : twiceEvery,
    limitMs: number("limit", 1) * 1000,
    signal: stopping.signal,
    onFigures(range, figures) {
      tally.add(range, figures)
      sitting.seeds++
      for (const { seed, invariant, what } of figures.failed) say(`seed ${seed}: ${invariant}: ${what}`)
      const now = performance.now()
      tally.elapsedMs = sitting.elapsedBefore + now - sitting.started
      if (now - saved > saveEveryMs) {
        tally.save()
        saved = now
      }
      if (now - told > (process.stderr.isTTY ? 500 : 30_000)) {
        told = now
        progress(sitting, toDo, tally)
      }
    },
  })
  tally.elapsedMs = sitting.elapsedBefore + performance.now() - sitting.started
  if (process.stderr.isTTY) process.stderr.write("\r\u001B[K")
  tally.save()
  const missing = tally.missing([from, through], 1).length
  if (missing > 0) say(`stopped with ${missing} seeds to do; the same command goes on`)
  if (values.json) {
    const { figures, elapsedMs, ranges: finished } = tally
    console.log(
      JSON.stringify({ ...about, ranges: finished, elapsedMs, missing, spreads: figures.spreads, ...figures }),
    )
  } else showFigures(kind.name, tally)
  process.exitCode = missing > 0 ? 130 : tally.figures.failed.length > 0 ? 1 : 0
}

function progress({ started, seeds }, toDo, tally) {
  const seconds = (performance.now() - started) / 1000
  const line = `${seeds} of ${toDo} seeds in ${seconds.toFixed(0)} s, ${((toDo - seeds) * (seconds / seeds)).toFixed(0)} s to go; ${tally.figures.failed.length} failed`
  process.stderr.write(process.stderr.isTTY ? `\r\u001B[K${line}` : `${line}\n`)
}

/** For people; not among the figures. */
function say(text) {
  if (process.stderr.isTTY) process.stderr.write("\r\u001B[K")
  console.error(text)
}

function chosenKind() {
  const names = Object.keys(simulationKinds).filter(name => values[name])
  if (values.kind !== undefined) names.push(values.kind)
  if (names.length > 1) fail(`one kind at a time, not ${names.join(" and ")}`)
  const name = names[0] ?? defaultKind
  return simulationKinds[name] ?? fail(`no kind "${name}"; the kinds are ${Object.keys(simulationKinds).join(", ")}`)
}

function chosenOptions({ name, knobs, rules }) {
  const chosen = {}
  for (const knob of ["nodes", "minutes", "without"]) {
    if (values[knob] === undefined) continue
    if (!knobs.includes(knob)) fail(`--${name} has no --${knob}`)
    chosen[knob] = knob === "without" ? values[knob] : number(knob, 0)
  }
  if (chosen.without !== undefined && !rules.includes(chosen.without))
    fail(`--${name} has no rule "${chosen.without}"; its rules are ${rules.join(", ")}`)
  return chosen
}

function number(name, least) {
  const value = Number(values[name])
  return Number.isFinite(value) && value >= least
    ? value
    : fail(`--${name} ${values[name]} is no number from ${least} on`)
}

function fail(text) {
  console.error(text)
  process.exit(2)
}

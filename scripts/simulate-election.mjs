// Runs simulated elections from dist/ (build first), prints what broke and how long promotions took.
//
//   node scripts/simulate-election.mjs --seed 17              one seed, with its report
//   node scripts/simulate-election.mjs --seed 17 --shrink     its fault script made small, if it fails
//   node scripts/simulate-election.mjs --seeds 500 --from 1   many; the first failures
//   … --without preVote                                       a rule left out
//   … --twice                                                 each seed twice, to see that it repeats
//   … --json                                                  the figures as one line of JSON
import { parseArgs } from "node:util"

const { quantile, shrinkElection, simulateElection } = await import("../dist/testing/simulation/index.js")

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    lines: { type: "string", default: "60" },
    about: { type: "string" },
    without: { type: "string" },
    shrink: { type: "boolean", default: false },
    twice: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
})

const rules = values.without === undefined ? {} : { [values.without]: false }

if (values.seed !== undefined) {
  const options = { seed: Number(values.seed), rules, kept: 100_000 }
  const outcome = values.shrink ? shrinkElection(options).outcome : simulateElection(options)
  console.log(outcome.report(Number(values.lines), values.about))
  process.exitCode = outcome.violations.length > 0 ? 1 : 0
} else {
  const started = performance.now()
  const figures = { seeds: 0, hours: 0, seconds: 0, failed: [], counts: {}, faults: {}, promotionMs: {} }
  const times = {}
  const from = Number(values.from)
  for (let seed = from; seed < from + Number(values.seeds); seed++) {
    const outcome = simulateElection({ seed, rules })
    if (values.twice && simulateElection({ seed, rules }).hash !== outcome.hash)
      figures.failed.push({ seed, invariant: "determinism", what: "two runs differ" })
    figures.seeds++
    figures.hours += outcome.virtualMs / 3_600_000
    for (const [name, count] of Object.entries(outcome.counts))
      figures.counts[name] = (figures.counts[name] ?? 0) + count
    for (const { kind } of outcome.script) figures.faults[kind] = (figures.faults[kind] ?? 0) + 1
    for (const { cause, ms, clean, external, usual } of outcome.promotions) {
      if (!clean || !usual) continue
      const key = `${cause} ${external ? "external" : "embedded"}`
      times[key] ??= []
      times[key].push(ms)
    }
    if (outcome.violations.length > 0) figures.failed.push({ seed, ...outcome.violations[0] })
  }
  figures.seconds = (performance.now() - started) / 1000
  for (const [key, list] of Object.entries(times).sort()) {
    list.sort((a, b) => a - b)
    const [p50, p99, max] = [quantile(list, 0.5), quantile(list, 0.99), list.at(-1)].map(Math.round)
    figures.promotionMs[key] = { count: list.length, p50, p99, max }
  }
  if (values.json) console.log(JSON.stringify(figures))
  else {
    const ratio = (figures.hours * 3600) / figures.seconds
    console.log(
      `${figures.seeds} seeds, ${figures.hours.toFixed(1)} virtual hours in ${figures.seconds.toFixed(0)} s (${ratio.toFixed(0)} times real time); ${figures.failed.length} failed`,
    )
    console.log("counts", JSON.stringify(figures.counts))
    console.log("faults", JSON.stringify(figures.faults))
    console.log(
      "from the loss of a root to the next open reign, one fault in fair weather, three voters or more, in ms:",
    )
    console.table(figures.promotionMs)
    for (const { seed, invariant, what } of figures.failed.slice(0, 40))
      console.log(`seed ${seed}: ${invariant}: ${what}`)
  }
  process.exitCode = figures.failed.length > 0 ? 1 : 0
}

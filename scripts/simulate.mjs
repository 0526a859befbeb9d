// Runs simulated swarms from dist/ (build first) and says what broke.
//
//   npm run simulate -- --seed 17               one seed, with its report
//   npm run simulate -- --seed 17 --about c2    only journal lines that mention c2; --lines N for more of them
//   npm run simulate -- --seeds 500 --from 1    many; the first failures with their reports
import { parseArgs } from "node:util"

const { simulate } = await import("../dist/testing/simulation/index.js")

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "50" },
    from: { type: "string", default: "1" },
    lines: { type: "string", default: "60" },
    about: { type: "string" },
    tree: { type: "boolean", default: false },
    twice: { type: "boolean", default: false },
  },
})

let unhandled = 0
process.on("unhandledRejection", reason => {
  unhandled++
  console.error("unhandled rejection:", reason)
})

if (values.seed !== undefined) {
  const seed = Number(values.seed)
  const outcome = await simulate({ seed, tree: values.tree, kept: 100_000 })
  console.log(outcome.report(Number(values.lines), values.about))
  process.exitCode = outcome.violations.length + unhandled > 0 ? 1 : 0
} else {
  const from = Number(values.from)
  const started = performance.now()
  const totals = {}
  const kinds = {}
  const broken = {}
  const failing = []
  let virtualMs = 0
  for (let seed = from; seed < from + Number(values.seeds); seed++) {
    const outcome = await simulate({ seed, tree: values.tree })
    if (values.twice && (await simulate({ seed, tree: values.tree })).hash !== outcome.hash)
      console.log(`seed ${seed} does not reproduce`)
    virtualMs += outcome.virtualMs
    for (const [name, count] of Object.entries(outcome.counts)) totals[name] = (totals[name] ?? 0) + count
    for (const { kind } of outcome.faults) kinds[kind] = (kinds[kind] ?? 0) + 1
    if (outcome.violations.length > 0) {
      const invariants = [...new Set(outcome.violations.map(violation => violation.invariant))]
      for (const invariant of invariants) {
        broken[invariant] ??= []
        broken[invariant].push(seed)
      }
      failing.push(seed)
      const { invariant, what } = outcome.violations[0]
      if (failing.length <= 40) console.log(`seed ${seed}: ${invariant}: ${what} (${outcome.violations.length} in all)`)
    }
  }
  const seconds = (performance.now() - started) / 1000
  console.log(
    `${values.seeds} seeds, ${(virtualMs / 3_600_000).toFixed(2)} virtual hours in ${seconds.toFixed(1)} s; ${failing.length} failed; ${unhandled} unhandled rejections`,
  )
  console.log("counts", JSON.stringify(totals))
  console.log("faults", JSON.stringify(kinds))
  for (const [invariant, seeds] of Object.entries(broken))
    console.log(`${invariant}: ${seeds.length} seeds: ${seeds.slice(0, 12).join(" ")}`)
  process.exitCode = failing.length + unhandled > 0 ? 1 : 0
}

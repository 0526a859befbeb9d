// Figures of many seeds, for a person.

/** Prints what the tally holds. */
export function showFigures(kind, { figures, elapsedMs, count, file }) {
  const hours = figures.virtualMs / 3_600_000
  const per = (all, digits = 1) => (all / Math.max(1, figures.seeds)).toFixed(digits)
  const faults = Object.values(figures.faults).reduce((sum, each) => sum + each, 0)
  table([
    ["kind", kind],
    ["seeds", `${count}, ${figures.repeated} of them twice`],
    ["simulated", `${hours.toFixed(1)} h, ${per(figures.virtualMs / 1000)} s a seed`],
    [
      "real",
      `${(elapsedMs / 1000).toFixed(0)} s; ${(figures.workedMs / 1000).toFixed(0)} s of processors, ${per(figures.workedMs, 0)} ms a seed`,
    ],
    [
      "simulated : real",
      `${(figures.virtualMs / Math.max(1, elapsedMs)).toFixed(0)}, ${figures.speed.toFixed(0)} a processor`,
    ],
    ["endpoints", `${per(figures.endpoints)} a seed, at most ${figures.endpointsMax}`],
    ["faults", `${faults}, ${per(faults)} a seed, at least ${figures.faultsMin ?? 0}`],
    ["", list(figures.faults)],
    ["counts", list(figures.counts)],
  ])
  const spreads = Object.entries(figures.spreads)
  if (spreads.length > 0) {
    console.log("\nin virtual ms:")
    console.table(Object.fromEntries(spreads))
  }
  console.log(`kept in ${file}`)
  for (const { seed, invariant, what } of figures.failed.slice(0, 40))
    console.log(`seed ${seed}: ${invariant}: ${what.split("\n")[0]}`)
  console.log(figures.failed.length === 0 ? "0 violations" : `${figures.failed.length} violations`)
}

function list(counts) {
  return Object.entries(counts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`)
    .join(", ")
}

function table(rows) {
  for (const [name, text] of rows) console.log(`${name.padEnd(17)} ${text}`)
}

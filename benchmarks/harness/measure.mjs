// Runs the contenders of each case in turn, so that a machine that speeds up or slows down does so for all of them.

/** Yields rows: { bench, parameters, unit, better, runs, results, spread, details, targets, margins, limit }. */
export async function* measure(bench, options) {
  for await (const each of await bench.cases(options)) {
    const names = Object.keys(each.contenders).filter(name => options.only === undefined || options.only.includes(name))
    const samples = new Map(names.map(name => [name, []]))
    for (let run = 0; run < options.runs; run++) {
      // Each run begins with another one: whoever comes after a heavy neighbour should not always be the same.
      for (let turn = 0; turn < names.length; turn++) {
        const name = names[(turn + run) % names.length]
        samples.get(name).push(normal(await each.contenders[name](options.seconds)))
      }
    }
    for (const [key, added] of Object.entries(each.rows ?? { value: {} })) {
      const results = {}
      const spread = {}
      const details = {}
      for (const [name, taken] of samples) {
        const values = taken.map(sample => sample.values[key])
        results[name] = rounded(median(values))
        spread[name] = [rounded(Math.min(...values)), rounded(Math.max(...values))]
        details[name] = Object.fromEntries(
          Object.keys(taken[0]?.details ?? {}).map(detail => [
            detail,
            rounded(median(taken.map(sample => sample.details[detail]))),
          ]),
        )
      }
      yield {
        bench: bench.name,
        parameters: { ...each.parameters, ...added },
        unit: typeof each.unit === "object" ? each.unit[key] : each.unit,
        better: (typeof each.better === "object" ? each.better[key] : each.better) ?? "more",
        runs: options.runs,
        results,
        spread,
        details,
        targets: (each.rows === undefined ? each.targets : each.targets?.[key]) ?? {},
        margins: (each.rows === undefined ? each.margins : each.margins?.[key]) ?? {},
        limit: typeof each.limit === "object" ? each.limit[key] : each.limit,
      }
    }
  }
}

function normal(sample) {
  if (typeof sample === "number") return { values: { value: sample }, details: {} }
  return { values: sample.values ?? { value: sample.value }, details: sample.details ?? {} }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Four digits say all that a noisy machine can. */
function rounded(value) {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4))
}

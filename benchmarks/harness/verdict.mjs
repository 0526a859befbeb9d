// What a row's figures say of its targets: the one place that judges, for tables and for JSON.

/** Whether zinc reaches its target beside `name`; undefined where there is none, or either figure is missing. */
export function reaches(row, name) {
  const ours = row.results.zinc
  const theirs = row.results[name]
  if (ours === undefined || theirs === undefined) return undefined
  const target = row.targets[name]
  const margin = row.margins[name]
  if (target !== undefined) return row.better === "more" ? ours >= theirs * target : ours <= theirs * target
  if (margin !== undefined) return row.better === "more" ? ours >= theirs - margin : ours <= theirs + margin
  return undefined
}

/** Whether our own figure keeps its limit; undefined where there is none. */
export function keepsLimit(row) {
  const ours = row.results.zinc
  if (row.limit === undefined || ours === undefined) return undefined
  return row.better === "more" ? ours >= row.limit : ours <= row.limit
}

/** Zinc's figure as a multiple of each other's. */
export function ratios(row) {
  const ours = row.results.zinc
  const others = Object.entries(row.results).filter(([name]) => name !== "zinc")
  if (ours === undefined) return {}
  return Object.fromEntries(others.map(([name, theirs]) => [name, Number((ours / theirs).toPrecision(3))]))
}

/** Whether everything that is asked of the row holds; undefined where nothing is. */
export function holds(row) {
  const said = [keepsLimit(row), ...Object.keys(row.results).map(name => reaches(row, name))]
  const judged = said.filter(each => each !== undefined)
  return judged.length === 0 ? undefined : judged.every(Boolean)
}

/** What is asked beside `name`, for people. */
export function asked(row, name) {
  const target = row.targets[name]
  if (target !== undefined) return `${target} ×`
  return `${row.better === "more" ? "−" : "+"} ${row.margins[name]} ${row.unit}`
}

// Two ways to tell results: one JSON object a line for machines, a table with ratios for people.
import { asked, holds, keepsLimit, ratios, reaches } from "./verdict.mjs"

export function jsonReport({ details = false } = {}) {
  return {
    begin() {},
    row(row) {
      const line = { bench: row.bench, ...row.parameters, unit: row.unit, runs: row.runs, results: row.results }
      if (row.limit !== undefined) line.limit = row.limit
      // Targets beside those that took part, and whether all of them hold.
      const present = asks => Object.fromEntries(Object.entries(asks).filter(([name]) => name in row.results))
      const judged = holds(row)
      if (Object.keys(present(row.targets)).length > 0) line.targets = present(row.targets)
      if (Object.keys(present(row.margins)).length > 0) line.margins = present(row.margins)
      if (Object.keys(ratios(row)).length > 0) line.ratios = ratios(row)
      if (judged !== undefined) line.holds = judged
      if (details) Object.assign(line, { spread: row.spread, details: row.details })
      console.log(JSON.stringify(line))
    },
    end() {},
  }
}

export function tableReport() {
  const lost = []
  let head = ""
  return {
    begin(bench) {
      console.log(`\n${bench.name}: ${bench.question}`)
      head = ""
    },
    row(row) {
      const names = Object.keys(row.results)
      const others = names.filter(name => name !== "zinc")
      const columns = [
        ...Object.keys(row.parameters),
        ...names,
        ...others.map(name => `zinc/${name}`),
        "spread of zinc",
      ]
      if (columns.join() !== head) {
        head = columns.join()
        console.log(line(columns, row))
      }
      const ours = row.results.zinc
      const ratio = name => (ours === undefined ? "–" : `${times(ours / row.results[name])} ×`)
      const cells = [
        ...Object.values(row.parameters).map(String),
        ...names.map(name => `${short(row.results[name])} ${row.unit}${name === "zinc" ? mark(row) : ""}`),
        ...others.map(name => `${ratio(name)}${verdict(row, name)}`),
        row.spread.zinc === undefined ? "–" : row.spread.zinc.map(short).join("–"),
      ]
      console.log(line(cells, row))
      const said = names.filter(name => Object.keys(row.details[name]).length > 0)
      for (const name of said) {
        const parts = Object.entries(row.details[name]).map(([key, value]) => `${key} ${value}`)
        console.log(`      ${name.padEnd(11)} ${parts.join(", ")}`)
      }
      if (mark(row) === " ✗") lost.push(`${named(row)}: ${short(ours)} ${row.unit}; the limit is ${row.limit}`)
      // Where there is a limit, the others are there to compare with, not to beat.
      for (const name of row.limit === undefined ? others : []) {
        if (ours === undefined) continue
        const behind = row.better === "more" ? ours < row.results[name] : ours > row.results[name]
        const reached = reaches(row, name)
        if (behind || reached === false) {
          const aim =
            reached === undefined ? "" : `; ${reached ? "within" : "MISSES"} its target of ${asked(row, name)}`
          lost.push(`${named(row)}: ${times(ours / row.results[name])} × ${name}${aim}`)
        }
      }
    },
    end() {
      if (lost.length === 0) return
      console.log("\nWhere we lose, or miss a target:")
      for (const text of lost) console.log(`  ${text}`)
    },
  }
}

function verdict(row, name) {
  const reached = reaches(row, name)
  return reached === undefined ? "" : reached ? " ✓" : " ✗"
}

/** Whether our own figure keeps its limit, where there is one. */
function mark(row) {
  const kept = keepsLimit(row)
  return kept === undefined ? "" : kept ? " ✓" : " ✗"
}

/** A ratio to three digits, however large. */
function times(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function named(row) {
  const of = Object.entries(row.parameters).map(([key, value]) => `${key} ${value}`)
  return `${row.bench} (${of.join(", ")})`
}

function line(cells, row) {
  const narrow = Object.keys(row.parameters).length
  return `  ${cells.map((cell, index) => (index < narrow ? cell.padStart(9) : cell.padStart(17))).join(" ")}`
}

function short(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  if (value >= 1e4) return `${(value / 1e3).toFixed(0)} k`
  if (value >= 1e3) return `${(value / 1e3).toFixed(2)} k`
  return value.toPrecision(3)
}

// What faults have done, gathered over as many runs as it takes: a file for each commit, a line of JSON for each fault.
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { loadavg } from "node:os"
import { join } from "node:path"

export class Tally {
  #file
  #all

  /** Goes on with what the folder has of that commit. */
  constructor(folder, commit) {
    mkdirSync(folder, { recursive: true })
    this.#file = join(folder, `${commit}.jsonl`)
    this.#all = linesOf(this.#file)
  }

  /** A cell is { fault, record }. */
  add(cell, outcome) {
    const line = { ...cell, ...outcome, load: loadavg()[0] }
    this.#all.push(line)
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`)
  }

  of({ fault, record }) {
    return this.#all.filter(each => each.fault === fault && each.record === record)
  }
}

/** What the folder has of all commits together. `load`: only what was measured while no more than that waited for a processor. */
export function allOf(folder, load = Number.POSITIVE_INFINITY) {
  const all = readdirSync(folder)
    .filter(name => name.endsWith(".jsonl"))
    .flatMap(name => linesOf(join(folder, name)))
    .filter(each => load === Number.POSITIVE_INFINITY || each.load <= load)
  return { of: ({ fault, record }) => all.filter(each => each.fault === fault && each.record === record) }
}

/** The figures of a cell: as the bench's contenders give them. */
export function figuresOf(all) {
  const sorted = all.map(({ ms }) => ms).sort((a, b) => a - b)
  const quantile = q => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]
  const sum = name => all.reduce((total, each) => total + each[name], 0)
  return {
    values: { p50: quantile(0.5), p99: quantile(0.99), max: sorted.at(-1) },
    details: {
      faults: all.length,
      lost: sum("lost"),
      again: sum("again"),
      backwards: sum("backwards"),
      contradictions: sum("contradictions"),
      usurped: sum("usurped"),
    },
  }
}

/** A line that was cut off by the end of a process is left out. */
function linesOf(file) {
  let text
  try {
    text = readFileSync(file, "utf8")
  } catch {
    return []
  }
  return text.split("\n").flatMap(line => {
    try {
      return [JSON.parse(line)]
    } catch {
      return []
    }
  })
}

// What faults have done at one commit, gathered over as many runs as it takes: a line of JSON for each fault.
import { appendFileSync, mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

export class Tally {
  #file
  #all

  constructor(folder, commit) {
    mkdirSync(folder, { recursive: true })
    this.#file = join(folder, `${commit}.jsonl`)
    this.#all = linesOf(this.#file)
  }

  /** A cell is { fault, record }. */
  add(cell, outcome) {
    const line = { ...cell, ...outcome }
    this.#all.push(line)
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`)
  }

  of({ fault, record }) {
    return this.#all.filter(each => each.fault === fault && each.record === record)
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

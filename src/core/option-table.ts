/** Tables of options: which there are, and what each must be, so that a slip is thrown at the call, naming what was meant. */
import { kindOf } from "./arguments.ts"
import { ZincError } from "./errors.ts"

/** Throws `BadOption` for a value that will not do; `name` as people know it: "reconnect.initialMs". */
export type Check = (name: string, value: unknown) => void

/** Names, and what their values must be. */
export type OptionTable = Readonly<Record<string, Check>>

export const flag: Check = (name, value) => {
  if (typeof value !== "boolean") throw wrong(name, "true or false", value)
}
export const action: Check = (name, value) => {
  if (typeof value !== "function") throw wrong(name, "a function", value)
}
/** A number of milliseconds, octets, messages. `Infinity` is one where `most` says nothing else. */
export function number(least: number, most: number = Number.POSITIVE_INFINITY, unit = ""): Check {
  const bounds = most === Number.POSITIVE_INFINITY ? `${least} or more` : `from ${least} to ${most}`
  return (name, value) => {
    if (typeof value === "number" && value >= least && value <= most) return
    throw wrong(name, `a number ${unit}${bounds}`, value)
  }
}
export const milliseconds = (least: number, most?: number): Check => number(least, most, "of milliseconds, ")

/** Something with these methods, which `advice` says how to come by. */
export function having(advice: string, ...methods: string[]): Check {
  return (name, value) => {
    const given = value as Readonly<Record<string, unknown>> | null
    if (typeof given === "object" && given !== null && methods.every(one => typeof given[one] === "function")) return
    throw wrong(name, advice, value)
  }
}
export function inside(table: OptionTable, needed: readonly string[] = []): Check {
  return (name, value) => {
    if (typeof value !== "object" || value === null) throw wrong(name, `an object of ${namesOf(table)}`, value)
    for (const one of needed) {
      if ((value as Record<string, unknown>)[one] === undefined) throw wrong(`${name}.${one}`, "given", undefined)
    }
    checkEach(value, table, `${name}.`)
  }
}

/**
 * Throws `BadOption` for names that the table has not, and for values that will not do. One given as a getter is read
 * whenever it matters, never here.
 */
export function checkEach(options: object, table: OptionTable, path: string): void {
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(options))) {
    if (property.get !== undefined) continue
    const check = Object.hasOwn(table, name) ? table[name] : undefined
    if (check === undefined) throw unknownOption(path, name, table)
    if (property.value !== undefined) check(`${path}${name}`, property.value)
  }
}

function unknownOption(path: string, name: string, table: OptionTable): ZincError {
  const [best] = Object.keys(table)
    .map(known => ({ known, far: distance(name.toLowerCase(), known.toLowerCase()) }))
    .filter(({ known, far }) => far <= Math.max(1, known.length / 3))
    .sort((a, b) => a.far - b.far)
  const advice = best === undefined ? `there are ${namesOf(table)}` : `did you mean ${path}${best.known}?`
  return new ZincError("BadOption", `there is no option ${path}${name}; ${advice}`)
}

function namesOf(table: OptionTable): string {
  return Object.keys(table).join(", ")
}

export function wrong(name: string, wanted: string, given: unknown): ZincError {
  const shown = typeof given === "string" ? `"${given.slice(0, 80)}"` : kindOf(given)
  return new ZincError("BadOption", `${name} must be ${wanted}, not ${shown}`)
}

/** How many letters to put in, take out or change (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}

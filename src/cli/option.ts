/** Readers of option values. Each throws `BadOption` naming the option, what was given, and what would do. */
import { ZincError } from "../core/index.ts"

export interface Limits {
  readonly least: number
  readonly most: number
}

/** A whole number between the limits. */
export function wholeNumber(option: string, text: string, limits: Limits): number {
  const value = /^[+-]?\d[\d_]*$/.test(text) ? Number(text.replaceAll("_", "")) : Number.NaN
  if (!Number.isSafeInteger(value) || value < limits.least || value > limits.most)
    throw badOption(option, text, `give a whole number from ${limits.least} to ${limits.most}`)
  return value
}

const sizeUnits: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** Octets: "512", "64k", "8m" or "8MiB", "1g"; units are powers of 1024. */
export function octets(option: string, text: string, limits: Limits): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/i.exec(text.trim())
  const value = match === null ? Number.NaN : Math.round(Number(match[1]) * sizeUnits[match[2]!.toLowerCase()]!)
  if (!Number.isSafeInteger(value) || value < limits.least || value > limits.most)
    throw badOption(option, text, `give a size such as 512k, 8m or 1g, from ${limits.least} to ${limits.most} octets`)
  return value
}

const timeUnits: Readonly<Record<string, number>> = { ms: 1, "": 1, s: 1_000, m: 60_000 }

/** Milliseconds: "250", "250ms", "5s", "2m". */
export function milliseconds(option: string, text: string, limits: Limits): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|)$/i.exec(text.trim())
  const value = match === null ? Number.NaN : Math.round(Number(match[1]) * timeUnits[match[2]!.toLowerCase()]!)
  if (!Number.isSafeInteger(value) || value < limits.least || value > limits.most)
    throw badOption(option, text, `give a time such as 250ms, 5s or 2m, from ${limits.least} to ${limits.most} ms`)
  return value
}

/** One of the named choices. */
export function choice<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find(each => each === text)
  if (found === undefined) throw badOption(option, text, `choose one of ${choices.join(", ")}`)
  return found
}

/** For an option of one value that may be given again: an operand after it stays an operand. */
export function each(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

export function badOption(option: string, given: string, advice: string): ZincError {
  return new ZincError("BadOption", `${option} cannot be "${given.slice(0, 80)}": ${advice}`)
}

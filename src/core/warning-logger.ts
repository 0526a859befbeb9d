/**
 * The front door's logger for who hands in none: silent but for errors, which become warnings of the process
 * (`process.on("warning")`, name `ZincWarning`), as Node does with what would else be lost without a word.
 */
import { type LogFields, type Logger, silentLogger } from "./logger.ts"

/** Each text is told once, and so many texts at most: what fails may fail a thousand times a second. */
const textsMax = 100

export function warningLogger(warn: (text: string, detail: string | undefined) => void = emitWarning): Logger {
  const told = new Set<string>()
  return {
    ...silentLogger,
    error: (message, fields) => {
      const cause = causeIn(fields)
      const text = cause === undefined ? message : `${message}: ${cause}`
      if (told.has(text) || told.size >= textsMax) return
      told.add(text)
      warn(text, cause instanceof Error ? cause.stack : undefined)
    },
  }
}

function causeIn(fields: LogFields | undefined): unknown {
  return fields?.error ?? fields?.thrown ?? fields?.reason
}

/** A `ZincWarning` of the process. */
export function emitWarning(text: string, detail?: string): void {
  process.emitWarning(text, { type: "ZincWarning", ...(detail === undefined ? {} : { detail }) })
}

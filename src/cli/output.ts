/**
 * Everything the command line says. People get words, colours and tables; with `--json` machines get one object a line
 * on standard output and nothing else there. What is the result goes to standard output, what is said about the work
 * (who joined, what is being waited for) goes to standard error and is left out under `--json`.
 */
import type { Writable } from "node:stream"
import { createColors } from "picocolors"
import { messageOf, ZincError } from "../core/index.ts"

export interface OutputOptions {
  readonly json: boolean
  /** Default: standard output and error of the process. */
  readonly stdout?: TerminalStream
  readonly stderr?: TerminalStream
  /** Where NO_COLOR, FORCE_COLOR and TERM are read. Default: the environment of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export type TerminalStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }
export type Colours = ReturnType<typeof createColors>

export class Output {
  readonly json: boolean
  readonly stdout: TerminalStream
  readonly stderr: TerminalStream
  /** For words on standard output. */
  readonly colours: Colours
  readonly #errorColours: Colours

  constructor(options: OutputOptions) {
    this.json = options.json
    this.stdout = options.stdout ?? process.stdout
    this.stderr = options.stderr ?? process.stderr
    const environment = options.environment ?? process.env
    this.colours = createColors(!this.json && wantsColour(this.stdout, environment))
    this.#errorColours = createColors(!this.json && wantsColour(this.stderr, environment))
  }

  /** True when a person looks at standard output. */
  get live(): boolean {
    return !this.json && this.stdout.isTTY === true && process.env.TERM !== "dumb"
  }

  get columns(): number {
    return this.stdout.columns ?? 80
  }

  /** A result: the record for machines, the words for people. */
  result(record: Readonly<Record<string, unknown>>, words: string | undefined): void {
    if (this.json) this.stdout.write(`${JSON.stringify(record)}\n`)
    else if (words !== undefined) this.stdout.write(`${words}\n`)
  }

  /** Words about the work, for people only. */
  note(words: string): void {
    if (!this.json) this.stderr.write(`${this.#errorColours.dim(words)}\n`)
  }

  /** Something a person should act on, though the work goes on. Machines get `{"warning":{…}}` on standard error. */
  warn(code: string, message: string): void {
    if (this.json) this.stderr.write(`${JSON.stringify({ warning: { code, message } })}\n`)
    else this.stderr.write(`${this.#errorColours.yellow("warning")} [${code}] ${message}\n`)
  }

  /** The one line that says why it failed. */
  error(thrown: unknown): void {
    const code = codeOf(thrown)
    const message = oneLine(messageOf(thrown))
    if (this.json) this.stderr.write(`${JSON.stringify({ error: { code, message } })}\n`)
    else this.stderr.write(`${this.#errorColours.red("error")} [${code}] ${message}\n`)
  }
}

export function codeOf(thrown: unknown): string {
  return ZincError.is(thrown) ? thrown.code : "Internal"
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim()
}

/** NO_COLOR wins (no-color.org), then FORCE_COLOR, then whether a person looks. */
function wantsColour(stream: TerminalStream, environment: Readonly<Record<string, string | undefined>>): boolean {
  if (environment.NO_COLOR !== undefined && environment.NO_COLOR !== "") return false
  if (environment.FORCE_COLOR !== undefined && environment.FORCE_COLOR !== "" && environment.FORCE_COLOR !== "0")
    return true
  return stream.isTTY === true && environment.TERM !== "dumb"
}

/** Control characters of a message would let a peer drive the reader's terminal: shown as escapes instead. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, character => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  })
}

/**
 * Payloads as people give them: on the command line, from a file, or through standard input; as JSON, as plain text or
 * as octets.
 */
import { readFileSync, statSync } from "node:fs"
import { messageOf, ZincError } from "../core/index.ts"
import type { CodecChoice } from "./connection.ts"
import { printable } from "./output.ts"

export interface PayloadChoices {
  /** Octets as they are, codec raw. */
  readonly raw?: boolean
  /** Always text, even if it reads as JSON. */
  readonly text?: boolean
  /** A file to send; "-" for standard input. */
  readonly file?: string
}

/** Largest payload read, in octets; the endpoint's own limit. */
export const payloadBytesMax: number = 16 * 1024 * 1024

/**
 * The value to send. `given` is the operand, if any; without it and without `--file` standard input is read to its end,
 * or, from a terminal, there is no payload: null. Throws `BadPayload`, `BadFile` or `BadOption`.
 */
export async function readPayload(given: string | undefined, choices: PayloadChoices): Promise<unknown> {
  if (choices.raw && choices.text) throw new ZincError("BadOption", "--raw and --text exclude each other; choose one")
  if (choices.file !== undefined && given !== undefined)
    throw new ZincError("BadOption", "a payload on the command line and --file exclude each other; choose one")
  const file = choices.file === "-" || (given === undefined && choices.file === undefined) ? "-" : choices.file
  if (given !== undefined && given !== "-") return payloadFrom(new TextEncoder().encode(given), choices)
  if (given === "-" || file === "-") {
    if (process.stdin.isTTY && given === undefined && choices.file === undefined)
      return choices.raw ? new Uint8Array() : null
    return payloadFrom(await readStandardInput(), choices)
  }
  return payloadFrom(readPayloadFile(file!), choices)
}

/** Octets as the value that the choices say. Throws `BadPayload`. */
export function payloadFrom(bytes: Uint8Array, { raw, text }: PayloadChoices): unknown {
  if (raw) return bytes
  let words: string
  try {
    words = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    throw new ZincError("BadPayload", "the payload is not UTF-8 text; send octets with --raw")
  }
  if (text) return words
  const trimmed = words.trim()
  try {
    return JSON.parse(trimmed)
  } catch (error) {
    // A plain word needs no quotes; what begins like JSON was meant as JSON.
    if (trimmed !== "" && !/^[[{"]/.test(trimmed)) return words.replace(/\r?\n$/, "")
    throw new ZincError(
      "BadPayload",
      `the payload ${trimmed === "" ? "is empty" : `is not JSON (${messageOf(error)})`}; quote it for the shell, or send it as it is with --text or --raw`,
    )
  }
}

/** --raw goes with the codec raw, everything else with what was chosen. Throws `BadOption`. */
export function codecFor(choices: PayloadChoices, codec: CodecChoice | undefined): CodecChoice {
  if (choices.raw && codec !== undefined && codec !== "raw")
    throw new ZincError("BadOption", `--raw sends octets as they are, but --codec ${codec} would encode them; drop one`)
  if (codec === "raw" && !choices.raw)
    throw new ZincError("BadOption", "--codec raw carries octets only; add --raw to send the payload as it is")
  return choices.raw ? "raw" : (codec ?? "json")
}

function readPayloadFile(path: string): Uint8Array {
  try {
    const status = statSync(path)
    if (!status.isFile()) throw new Error("it is not a regular file")
    if (status.size > payloadBytesMax)
      throw new Error(`it has ${status.size} octets, and a message carries at most ${payloadBytesMax}`)
    return readFileSync(path)
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT"
    throw new ZincError("BadFile", `${path} cannot be sent: ${missing ? "there is no such file" : messageOf(error)}`)
  }
}

async function readStandardInput(): Promise<Uint8Array> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of process.stdin) {
    parts.push(part as Buffer)
    length += (part as Buffer).length
    if (length > payloadBytesMax)
      throw new ZincError("BadPayload", `standard input has more than ${payloadBytesMax} octets; send it in parts`)
  }
  return new Uint8Array(Buffer.concat(parts))
}

/** A received value for a line of a person: text as text, the rest as JSON, octets as text or in hexadecimal. */
export function shown(value: unknown): string {
  if (typeof value === "string") return printable(value)
  if (value instanceof Uint8Array) {
    try {
      return printable(new TextDecoder("utf-8", { fatal: true }).decode(value))
    } catch {
      const head = Buffer.from(value.subarray(0, 32)).toString("hex")
      return `${value.length} octets ${head}${value.length > 32 ? "…" : ""}`
    }
  }
  return printable(jsonOf(value))
}

/** A received value for machines: octets as `{"base64":"…"}`, which JSON cannot carry otherwise. */
export function forMachines(value: unknown): unknown {
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString("base64") }
  return value === undefined ? null : JSON.parse(jsonOf(value))
}

function jsonOf(value: unknown): string {
  return (
    JSON.stringify(value, (_key, each: unknown) => {
      if (typeof each === "bigint") return each.toString()
      if (each instanceof Uint8Array) return { base64: Buffer.from(each).toString("base64") }
      return each
    }) ?? "null"
  )
}

/**
 * Editing traces in the public format of `josephg/editing-traces`: JSON, gzipped or plain.
 *
 *   sequential: { startContent, endContent, txns: [{ patches: [[position, deleteCount, insertText], …] }, …] }
 *   concurrent: { kind: "concurrent", endContent, numAgents, txns: [{ parents: [index, …], agent, patches }, …] }
 *
 * Patches of a transaction apply one after the other. Positions and counts are Unicode code points. A transaction of a
 * concurrent trace applies to the merge of its parents, which stand before it in the list.
 */
import { readFileSync, statSync } from "node:fs"
import { gunzipSync } from "node:zlib"
import { messageOf, ZincError } from "../../core/index.ts"

export type Patch = readonly [position: number, deleteCount: number, insertText: string]

export interface SequentialTrace {
  readonly kind: "sequential"
  readonly startContent: string
  readonly endContent: string
  readonly transactions: readonly (readonly Patch[])[]
}

export interface ConcurrentTrace {
  readonly kind: "concurrent"
  readonly startContent: ""
  readonly endContent: string
  readonly authors: number
  readonly transactions: readonly ConcurrentTransaction[]
}

export interface ConcurrentTransaction {
  readonly parents: readonly number[]
  readonly author: number
  readonly patches: readonly Patch[]
}

export type Trace = SequentialTrace | ConcurrentTrace

/** Largest file read, and largest JSON unpacked from it. */
export const traceBytesMax: number = 512 * 1024 * 1024
/** Most authors of a concurrent trace: each is a process. */
export const authorsMax = 64

/** Reads and checks a trace. Throws `BadFile` saying what is wrong and where. */
export function readTrace(path: string): Trace {
  const bytes = unpacked(path, load(path))
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch (error) {
    throw badTrace(path, `it is not JSON (${messageOf(error)})`)
  }
  return parseTrace(value, path)
}

function load(path: string): Uint8Array {
  try {
    const status = statSync(path)
    if (status.isDirectory()) throw badTrace(path, "it is a folder")
    if (status.size > traceBytesMax) throw badTrace(path, `it is larger than ${traceBytesMax} octets`)
    return readFileSync(path)
  } catch (error) {
    if (ZincError.is(error)) throw error
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT"
    throw badTrace(path, missing ? "there is no such file" : messageOf(error))
  }
}

function unpacked(path: string, bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes, { maxOutputLength: traceBytesMax })
  } catch (error) {
    throw badTrace(path, `it begins like gzip but cannot be unpacked (${messageOf(error)})`)
  }
}

/** Checks every field that replaying relies on; `path` is for messages. */
export function parseTrace(value: unknown, path: string): Trace {
  const fail = (what: string): never => {
    throw badTrace(path, what)
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return fail("it is not a JSON object")
  const root = value as Record<string, unknown>
  const { txns, endContent, startContent = "", kind } = root
  if (!Array.isArray(txns)) return fail('it has no list "txns"')
  if (typeof endContent !== "string") return fail('it has no text "endContent"')
  if (typeof startContent !== "string") return fail('its "startContent" is not a text')
  if (kind !== undefined && kind !== "sequential" && kind !== "concurrent")
    return fail(`its kind "${String(kind).slice(0, 40)}" is neither "sequential" nor "concurrent"`)
  if (kind !== "concurrent") {
    const transactions = txns.map((each, index) => patchesOf(each, `txns[${index}]`, fail))
    checkPositions(transactions, startContent, fail)
    return { kind: "sequential", startContent, endContent, transactions }
  }
  const authors = root.numAgents
  if (!isCount(authors) || authors < 1 || authors > authorsMax)
    return fail(`its "numAgents" is not a number from 1 to ${authorsMax}`)
  if (startContent !== "") return fail('a concurrent trace begins empty, but it has "startContent"')
  const transactions = txns.map((each: unknown, index): ConcurrentTransaction => {
    const at = `txns[${index}]`
    const patches = patchesOf(each, at, fail)
    const { parents, agent } = each as Record<string, unknown>
    if (!isCount(agent) || agent >= authors) return fail(`${at}.agent is not a number below ${authors}`)
    if (!Array.isArray(parents)) return fail(`${at}.parents is not a list`)
    for (const parent of parents)
      if (!isCount(parent) || parent >= index) return fail(`${at}.parents names no transaction that stands before it`)
    return { parents: parents as number[], author: agent, patches }
  })
  return { kind: "concurrent", startContent: "", endContent, authors, transactions }
}

type Fail = (what: string) => never

function patchesOf(transaction: unknown, at: string, fail: Fail): Patch[] {
  const patches = (transaction as { patches?: unknown } | null)?.patches
  if (!Array.isArray(patches)) return fail(`${at} has no list "patches"`)
  for (const [index, patch] of patches.entries()) {
    const [position, deleteCount, insertText] = Array.isArray(patch) ? (patch as unknown[]) : []
    if (!isCount(position) || !isCount(deleteCount) || typeof insertText !== "string")
      return fail(`${at}.patches[${index}] is not [position, deleteCount, insertText]`)
  }
  return patches as Patch[]
}

/** Only lengths are needed to know whether a patch lies within the text. */
function checkPositions(transactions: readonly (readonly Patch[])[], start: string, fail: Fail): void {
  let length = codePoints(start)
  for (const [index, patches] of transactions.entries())
    for (const [number, [position, deleteCount, insertText]] of patches.entries()) {
      if (position + deleteCount > length)
        fail(`txns[${index}].patches[${number}] reaches beyond the text, which is ${length} characters long there`)
      length += codePoints(insertText) - deleteCount
    }
}

export function codePoints(text: string): number {
  let surrogates = 0
  for (let at = 0; at < text.length; at++) if ((text.charCodeAt(at) & 0xfc00) === 0xdc00 && at > 0) surrogates++
  return text.length - surrogates
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
}

export function badTrace(path: string, what: string): ZincError {
  return new ZincError(
    "BadFile",
    `${path} is not an editing trace: ${what}; give a file in the format of josephg/editing-traces (.json or .json.gz)`,
  )
}

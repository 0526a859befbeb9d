/**
 * What sockets may be told, as a table, so that a slip in an option is thrown when the socket is made and not when it first
 * matters. An option that is given as a getter is read whenever it matters, never here: its value may be another by then.
 */
import { checkOptions } from "../../../core/arguments.ts"
import { ZincError } from "../../../core/errors.ts"
import { checkOctets, kindOf } from "./frame-check.ts"

/** Throws `BadOption` for a value that will not do; `name` as people know it: "reconnect.initialMs". */
type Check = (name: string, value: unknown) => void

/** Names, and what their values must be. */
type Table = Readonly<Record<string, Check>>

const flag: Check = (name, value) => {
  if (typeof value !== "boolean") throw wrong(name, "true or false", value)
}
const action: Check = (name, value) => {
  if (typeof value !== "function") throw wrong(name, "a function", value)
}
/** A number of milliseconds, octets, messages. `Infinity` is one where `most` says nothing else. */
function number(least: number, most: number = Number.POSITIVE_INFINITY, unit = ""): Check {
  const bounds = most === Number.POSITIVE_INFINITY ? `${least} or more` : `from ${least} to ${most}`
  return (name, value) => {
    if (typeof value === "number" && value >= least && value <= most) return
    throw wrong(name, `a number ${unit}${bounds}`, value)
  }
}
const milliseconds = (least: number, most?: number) => number(least, most, "of milliseconds, ")

function octets(most: number): Check {
  return (name, value) => {
    checkOctets(name, value)
    const { length } = value as Uint8Array
    if (length > most) throw new ZincError("BadOption", `${name} has at most ${most} octets, not ${length}`)
  }
}
/** Something with these methods, which `advice` says how to come by. */
function having(advice: string, ...methods: string[]): Check {
  return (name, value) => {
    const given = value as Readonly<Record<string, unknown>> | null
    if (typeof given === "object" && given !== null && methods.every(one => typeof given[one] === "function")) return
    throw wrong(name, advice, value)
  }
}
function inside(table: Table, needed: readonly string[] = []): Check {
  return (name, value) => {
    if (typeof value !== "object" || value === null) throw wrong(name, `an object of ${namesOf(table)}`, value)
    for (const one of needed) {
      if ((value as Record<string, unknown>)[one] === undefined) throw wrong(`${name}.${one}`, "given", undefined)
    }
    checkEach(value, table, `${name}.`)
  }
}

const anyCarrier = having("a carrier", "listen", "dial")

/** Of every socket. */
const general: Table = {
  onBatch: action,
  sendLimits: inside({ messages: number(0), bytes: number(0) }),
  receiveHighWaterMark: number(0),
  receiveBytesMax: number(0),
  frameView: action,
  maxMessageBytes: number(0),
  maxBufferedBytes: number(0),
  connectTimeoutMs: milliseconds(0),
  handshakeTimeoutMs: milliseconds(0),
  maxPendingHandshakes: number(1),
  heartbeat: inside({ intervalMs: milliseconds(1), timeoutMs: milliseconds(0), ttlMs: milliseconds(0, 65_535) }, [
    "intervalMs",
    "timeoutMs",
  ]),
  reconnect: (name, value) => {
    if (value !== false) inside({ initialMs: milliseconds(1), maxMs: milliseconds(1) })(name, value)
  },
  immediate: flag,
  identity: octets(255),
  security: having("what plainServer, plainClient, curveServer, curveClient or nullServer give", "open"),
  lingerMs: milliseconds(0),
  tuning: inside({
    backlog: number(0, 0x7fff_ffff),
    keepAliveMs: milliseconds(0),
    keepAliveIntervalMs: milliseconds(0),
    keepAliveProbes: number(0),
    typeOfService: number(0, 255),
    ipv6: flag,
    background: flag,
  }),
  clock: having("a Clock", "now", "after"),
  random: having("a Random", "float", "u32"),
  carriers: (name, value) => {
    if (!Array.isArray(value) || value.length === 0) throw wrong(name, "a list of at least one carrier", value)
    for (const [at, one] of value.entries()) anyCarrier(`${name}[${at}]`, one)
  },
  logger: having("a Logger", "debug", "info", "warn", "error"),
}

/** Of some patterns. */
const special: Table = {
  conflate: flag,
  borrow: flag,
  probeRouter: flag,
  mandatory: flag,
  handover: flag,
  correlate: flag,
  relaxed: flag,
  verbose: flag,
  verboser: flag,
  manual: flag,
  lastValue: flag,
  noDrop: flag,
  invertMatching: flag,
  notify: flag,
  welcome: octets(Number.POSITIVE_INFINITY),
  maxSubscriptionBytes: number(0),
}

/** Options that are of no use to a socket's type are let pass, so that sockets of several types may share them. */
const sockets: Table = { ...general, ...special }
const connecting: Table = { identity: octets(255) }
const closing: Table = { lingerMs: milliseconds(0) }

/** What a socket is made with. Throws `BadOption`. */
export function checkSocketOptions(options: unknown): void {
  checkOptions(options)
  checkEach(options as object, sockets, "")
}

/** What `connect` is given. Throws `BadOption`. */
export function checkConnectOptions(options: unknown): void {
  checkOptions(options)
  checkEach((options ?? {}) as object, connecting, "")
}

/** What is wrong with what `close` is given, if anything. */
export function closeFault(options: unknown): ZincError | undefined {
  try {
    checkOptions(options)
    checkEach((options ?? {}) as object, closing, "")
    return undefined
  } catch (thrown) {
    return thrown as ZincError
  }
}

function checkEach(options: object, table: Table, path: string): void {
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(options))) {
    if (property.get !== undefined) continue
    const check = Object.hasOwn(table, name) ? table[name] : undefined
    if (check === undefined) throw unknownOption(path, name, table)
    if (property.value !== undefined) check(`${path}${name}`, property.value)
  }
}

function unknownOption(path: string, name: string, table: Table): ZincError {
  const [best] = Object.keys(table)
    .map(known => ({ known, far: distance(name.toLowerCase(), known.toLowerCase()) }))
    .filter(({ known, far }) => far <= Math.max(1, known.length / 3))
    .sort((a, b) => a.far - b.far)
  const advice = best === undefined ? `there are ${namesOf(table)}` : `did you mean ${path}${best.known}?`
  return new ZincError("BadOption", `there is no option ${path}${name}; ${advice}`)
}

function namesOf(table: Table): string {
  return Object.keys(table).join(", ")
}

function wrong(name: string, wanted: string, given: unknown): ZincError {
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

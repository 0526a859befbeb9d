/**
 * What sockets may be told, as a table, so that a slip in an option is thrown when the socket is made and not when it first
 * matters. An option that is given as a getter is read whenever it matters, never here: its value may be another by then.
 */
import { checkOptions } from "../../../core/arguments.ts"
import { ZincError } from "../../../core/errors.ts"
import {
  action,
  type Check,
  checkEach,
  flag,
  having,
  inside,
  milliseconds,
  number,
  type OptionTable,
  wrong,
} from "../../../core/option-table.ts"
import { checkOctets } from "./frame-check.ts"

function octets(most: number): Check {
  return (name, value) => {
    checkOctets(name, value)
    const { length } = value as Uint8Array
    if (length > most) throw new ZincError("BadOption", `${name} has at most ${most} octets, not ${length}`)
  }
}
const anyCarrier = having("a carrier", "listen", "dial")

/** Of every socket. */
const general: OptionTable = {
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
const special: OptionTable = {
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
const sockets: OptionTable = { ...general, ...special }
const connecting: OptionTable = { identity: octets(255) }
const closing: OptionTable = { lingerMs: milliseconds(0) }

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

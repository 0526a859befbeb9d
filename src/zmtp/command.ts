/** The commands of ZMTP 3.1 (rfc:37): a length-prefixed name, then data of the command's own shape. */
import { concat, copyOf, readU16, readU32, utf8, writeU32 } from "../core/bytes.ts"
import { encodeCommandFrame } from "./frame.ts"

/** A command that was read; `other` for one we do not know or that is cut short, which is ignored. */
export type Command =
  | { readonly name: "READY"; readonly properties: Properties }
  | { readonly name: "ERROR"; readonly reason: string }
  | { readonly name: "SUBSCRIBE" | "CANCEL"; readonly topic: Uint8Array }
  | { readonly name: "PING"; readonly ttlMs: number; readonly context: Uint8Array }
  | { readonly name: "PONG" }
  | { readonly name: "other" }

/** The metadata of READY. libzmq compares names exactly, so they are sent in its casing and read in any. */
export type Properties = ReadonlyMap<string, Uint8Array>

/** Most octets of context a PONG echoes. */
export const pingContextMax = 16
/** Most a PING's time to live may say, in tenths of a second: libzmq overflows above and closes at once. */
export const pingTtlMax = 655

const other: Command = { name: "other" }

/** Reads the command in [start, end). Never throws: what cannot be read is `other`. */
export function parseCommand(buffer: Uint8Array, start: number, end: number): Command {
  if (end - start < 1) return other
  const nameEnd = start + 1 + buffer[start]!
  if (nameEnd > end) return other
  const name = text(buffer, start + 1, nameEnd)
  switch (name) {
    case "READY": {
      const properties = parseProperties(buffer, nameEnd, end)
      return properties === undefined ? other : { name, properties }
    }
    case "ERROR": {
      const reasonEnd = nameEnd < end ? nameEnd + 1 + buffer[nameEnd]! : nameEnd
      return { name, reason: text(buffer, Math.min(nameEnd + 1, end), Math.min(reasonEnd, end)) }
    }
    case "SUBSCRIBE":
    case "CANCEL":
      return { name, topic: buffer.subarray(nameEnd, end) }
    case "PING": {
      // A PING without its two octets of time to live is cut short; libzmq reads beyond its end there.
      if (end - nameEnd < 2) return other
      const contextEnd = Math.min(end, nameEnd + 2 + pingContextMax)
      return { name, ttlMs: readU16(buffer, nameEnd) * 100, context: buffer.subarray(nameEnd + 2, contextEnd) }
    }
    case "PONG":
      return { name }
    default:
      return other
  }
}

/** The name of the command in [start, end); empty for what has none. */
export function commandName(buffer: Uint8Array, start: number, end: number): string {
  if (end - start < 1) return ""
  const nameEnd = start + 1 + buffer[start]!
  return nameEnd > end ? "" : text(buffer, start + 1, nameEnd)
}

/** Metadata as it stands in READY and INITIATE; undefined when it is cut short. */
export function parseProperties(buffer: Uint8Array, start: number, end: number): Properties | undefined {
  const properties = new Map<string, Uint8Array>()
  let at = start
  while (at < end) {
    const valueLengthAt = at + 1 + buffer[at]!
    if (valueLengthAt + 4 > end) return undefined
    const valueAt = valueLengthAt + 4
    const valueEnd = valueAt + readU32(buffer, valueLengthAt)
    if (valueEnd > end) return undefined
    properties.set(text(buffer, at + 1, valueLengthAt).toLowerCase(), copyOf(buffer, valueAt, valueEnd))
    at = valueEnd
  }
  return properties
}

/** The value of a property, whatever its casing was. */
export function property(properties: Properties, name: string): Uint8Array | undefined {
  return properties.get(name.toLowerCase())
}

/** The frame of a command; `body` is what follows the name. */
export function encodeCommand(name: string, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  return encodeCommandFrame(concat([named(name), body]))
}

/** Metadata; names travel as they are written here. */
export function encodeProperties(properties: Iterable<readonly [string, Uint8Array]>): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [name, value] of properties) {
    const length = new Uint8Array(4)
    writeU32(length, 0, value.length)
    parts.push(named(name), length, value)
  }
  return concat(parts)
}

/** The frame of READY. */
export function encodeReady(properties: Iterable<readonly [string, Uint8Array]>): Uint8Array {
  return encodeCommand("READY", encodeProperties(properties))
}

/** The frame of ERROR; the reason is cut to 255 octets. */
export function encodeError(reason: string): Uint8Array {
  const bytes = utf8(reason).subarray(0, 255)
  return encodeCommandFrame(concat([named("ERROR"), Uint8Array.of(bytes.length), bytes]))
}

export function encodeSubscribe(topic: Uint8Array): Uint8Array {
  return encodeCommandFrame(concat([named("SUBSCRIBE"), topic]))
}
export function encodeCancel(topic: Uint8Array): Uint8Array {
  return encodeCommandFrame(concat([named("CANCEL"), topic]))
}

/** `ttlMs` is rounded to tenths of a second and cut to what libzmq survives; 0 asks for nothing. */
export function encodePing(ttlMs: number, context: Uint8Array = new Uint8Array(0)): Uint8Array {
  const tenths = Math.min(pingTtlMax, Math.round(ttlMs / 100))
  return encodeCommandFrame(
    concat([named("PING"), Uint8Array.of(tenths >>> 8, tenths & 0xff), context.subarray(0, pingContextMax)]),
  )
}
export function encodePong(context: Uint8Array): Uint8Array {
  return encodeCommandFrame(concat([named("PONG"), context.subarray(0, pingContextMax)]))
}

function named(name: string): Uint8Array {
  const bytes = new Uint8Array(1 + name.length)
  bytes[0] = name.length
  for (let i = 0; i < name.length; i++) bytes[1 + i] = name.charCodeAt(i)
  return bytes
}

function text(buffer: Uint8Array, start: number, end: number): string {
  let result = ""
  for (let i = start; i < end; i++) result += String.fromCharCode(buffer[i]!)
  return result
}

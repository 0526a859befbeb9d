/** Small tools over Uint8Array that every layer shares. Numbers on our wire are big-endian, as ZMTP's are. */
import { ZincError } from "./errors.ts"

const encoder = new TextEncoder()
// Without ignoreBOM a leading U+FEFF would vanish, and a topic would not come out as it went in.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

export const noBytes: Uint8Array = new Uint8Array(0)

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** As much of the beginning as fits so many octets of UTF-8; a character is whole or absent. */
export function utf8Prefix(text: string, octetsMax: number): string {
  const octets = new Uint8Array(octetsMax)
  const { read, written } = encoder.encodeInto(text, octets)
  // A slice of a long text would keep all of it.
  return read === text.length ? text : decoder.decode(octets.subarray(0, written))
}

/** Throws `BadFrame` on bytes that are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new ZincError("BadFrame", "text that is not valid UTF-8", { cause })
  }
}

export function toHex(bytes: Uint8Array): string {
  let text = ""
  for (let i = 0; i < bytes.length; i++) text += hexOctets[bytes[i]!]
  return text
}

const hexOctets: string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"))

/** Reads hex; blanks are ignored so that vectors can be laid out for people. Throws `BadOption` on anything else. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, "")
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits))
    throw new ZincError("BadOption", `not hex: ${text.slice(0, 40)}`)
  const bytes = new Uint8Array(digits.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Octets [start, end) in memory of their own. (`slice` of a Node Buffer is a view, and would pin the whole.) */
export function copyOf(bytes: Uint8Array, start = 0, end: number = bytes.length): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end))
}

/**
 * Memory whose content is arbitrary, for those who overwrite all of it before anybody reads it. Zeroing large memory
 * costs more than filling it.
 */
export function dirtyBytes(length: number): Uint8Array {
  if (typeof Buffer === "undefined") return new Uint8Array(length)
  const buffer = Buffer.allocUnsafeSlow(length)
  return new Uint8Array(buffer.buffer, buffer.byteOffset, length)
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  if (prefix.length > bytes.length) return false
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false
  return true
}

export function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}
export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
/** A 64-bit number; exact up to 2⁵³ − 1, which at a million a second lasts 285 years. */
export function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) * 0x1_0000_0000 + readU32(bytes, at + 4)
}
export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  writeU32(bytes, at, Math.floor(value / 0x1_0000_0000))
  writeU32(bytes, at + 4, value >>> 0)
}

/** Extensions after the fixed header: type (u8), length (u16), value. Unknown types are kept and ignored. */
import { fromUtf8, readU16, readU32, readU64, utf8, writeU16, writeU32, writeU64 } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"
import { At, headerBytes } from "./header.ts"

export const ExtensionType = {
  /** What a conflated or merged frame covers (L8): entries of origin (16) and sequence (u64). */
  Covers: 1,
  /** The endpoint id a direct message is for (16). */
  Target: 2,
  /** Ties a reply or cancel to its request: the requester's number (u64). */
  Correlation: 3,
  /** Milliseconds left when sent (u32). */
  Deadline: 4,
  /** The name of the topic of a direct message, UTF-8. */
  Topic: 5,
  /** The error code of a failed reply, UTF-8; its payload is the message. */
  Error: 6,
  /** A W3C trace context, reserved. */
  Trace: 7,
  /**
   * Of a direct message: the number of the last before it that a user sent, and not Zinc itself (u64). Absent when that is
   * the one right before it.
   */
  Users: 8,
} as const

export interface Extensions {
  readonly covers?: readonly { readonly origin: Uint8Array; readonly through: number }[]
  readonly target?: Uint8Array
  readonly correlation?: number
  readonly deadlineMs?: number
  readonly topic?: string
  readonly error?: string
  readonly usersLast?: number
}

export function encodeExtensions(extensions: Extensions): Uint8Array {
  const parts: [number, Uint8Array][] = []
  if (extensions.covers !== undefined) {
    const value = new Uint8Array(extensions.covers.length * 24)
    extensions.covers.forEach((entry, i) => {
      value.set(entry.origin, i * 24)
      writeU64(value, i * 24 + 16, entry.through)
    })
    parts.push([ExtensionType.Covers, value])
  }
  if (extensions.target !== undefined) parts.push([ExtensionType.Target, extensions.target])
  if (extensions.correlation !== undefined) {
    const value = new Uint8Array(8)
    writeU64(value, 0, extensions.correlation)
    parts.push([ExtensionType.Correlation, value])
  }
  if (extensions.deadlineMs !== undefined) {
    const value = new Uint8Array(4)
    writeU32(value, 0, Math.min(0xffff_ffff, Math.max(0, Math.ceil(extensions.deadlineMs))))
    parts.push([ExtensionType.Deadline, value])
  }
  if (extensions.topic !== undefined) parts.push([ExtensionType.Topic, utf8(extensions.topic)])
  if (extensions.error !== undefined) parts.push([ExtensionType.Error, utf8(extensions.error)])
  if (extensions.usersLast !== undefined) {
    const value = new Uint8Array(8)
    writeU64(value, 0, extensions.usersLast)
    parts.push([ExtensionType.Users, value])
  }

  const bytes = new Uint8Array(parts.reduce((sum, [, value]) => sum + 3 + value.length, 0))
  if (bytes.length > 0xffff) throw new ZincError("TooLarge", "a message's header extensions exceed 65,535 octets")
  let at = 0
  for (const [type, value] of parts) {
    bytes[at] = type
    writeU16(bytes, at + 1, value.length)
    bytes.set(value, at + 3)
    at += 3 + value.length
  }
  return bytes
}

/**
 * Reads the extensions of a header frame; of two of one type the last counts. Throws `BadFrame` on a value that runs
 * past the end, has the wrong size, or is a number past 2⁵³ − 1.
 */
export function readExtensions(header: Uint8Array): Extensions {
  const found: { -readonly [K in keyof Extensions]: Extensions[K] } = {}
  const end = headerBytes + readU16(header, At.ExtensionLength)
  if (end > header.length) throw bad()
  let at = headerBytes
  while (at < end) {
    if (at + 3 > end) throw bad()
    const type = header[at]!
    const length = readU16(header, at + 1)
    at += 3
    if (at + length > end) throw bad()
    const value = header.subarray(at, at + length)
    at += length
    switch (type) {
      case ExtensionType.Covers: {
        if (length % 24 !== 0) throw bad()
        const covers: { origin: Uint8Array; through: number }[] = []
        for (let i = 0; i < length; i += 24)
          covers.push({ origin: value.slice(i, i + 16), through: readExact(value, i + 16) })
        found.covers = covers
        break
      }
      case ExtensionType.Target:
        if (length !== 16) throw bad()
        found.target = value.slice()
        break
      case ExtensionType.Correlation:
        if (length !== 8) throw bad()
        found.correlation = readExact(value, 0)
        break
      case ExtensionType.Deadline:
        if (length !== 4) throw bad()
        found.deadlineMs = readU32(value, 0)
        break
      case ExtensionType.Topic:
        found.topic = fromUtf8(value)
        break
      case ExtensionType.Error:
        found.error = fromUtf8(value)
        break
      case ExtensionType.Users:
        if (length !== 8) throw bad()
        found.usersLast = readExact(value, 0)
        break
    }
  }
  return found
}

/** A 64-bit number that JavaScript can hold and send back unchanged. */
function readExact(bytes: Uint8Array, at: number): number {
  const number = readU64(bytes, at)
  if (!Number.isSafeInteger(number)) throw bad()
  return number
}

function bad(): ZincError {
  return new ZincError("BadFrame", "a peer sent a header whose extensions do not fit it")
}

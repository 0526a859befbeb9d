/**
 * The header frame of every Zinc data message: fixed offsets, so that a host can read, rewrite and forward it in place.
 *
 *     0  version (1)        1  kind       2  flags      3  codec
 *     4  hops left          5  zero       6  length of extensions (u16)
 *     8  epoch (u32)       12  age (u32, microseconds spent at hosts so far)
 *    16  origin: sixteen octets of the endpoint id
 *    32  origin sequence (u64), contiguous per origin and topic, from 1
 *    40  order number (u64), 0 where the topic has none
 *    48  the leg's own block, 24 octets:
 *        up:    48 session (16)                                 64 leg number (u64), from 1
 *        down:  48 incarnation (u32)  52 arrival link (u32)     56 publish number (u64), from 1
 *                                                               64 previous publish number on this topic (u64), 0 for none
 *    72  extensions: type (u8), length (u16), value; see extension.ts
 *
 * All numbers are big-endian. docs/protocol/envelope.md is the specification; its vectors are tested.
 */
import { readU16, readU32, readU64, writeU16, writeU32, writeU64 } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"

export const headerVersion = 1
export const headerBytes = 72

/** What a message is. */
export const Kind = {
  Broadcast: 1,
  /** To one endpoint; frame 0 is private, the topic travels in an extension. */
  Direct: 2,
  Request: 3,
  Reply: 4,
  /** Takes a request back. */
  Cancel: 5,
  /** A document's fragment. */
  Fragment: 6,
  /** The host's mark (see Mark in control.proto). */
  Mark: 7,
  /** Answers a SYNC, on the link's private topic. */
  Baseline: 8,
  /** Reserved for work (DESIGN §10). */
  Work: 9,
  /**
   * A relay tells those below what it lost for good: of that origin and topic the numbers from the order field through the
   * sequence; on an ordered topic with zeros for origin, order numbers. With codec 1 it is not known whose are lost.
   */
  Gap: 10,
} as const
export type Kind = (typeof Kind)[keyof typeof Kind]

/** Bits of the flags octet; the others are zero when sent and ignored when received. */
export const Flag = {
  /** The leg block is an up block. */
  Up: 0x01,
  /** Sent again from a replay ring or an up buffer. */
  Again: 0x02,
  /** Conflated or merged: an extension says what it covers (L8). */
  Covers: 0x04,
  /** Up: somebody waits for the acknowledgement, so the host does not gather it with others. */
  Prompt: 0x08,
  /** Up, a direct message: it had come down to the sender, and goes another way now. Its origin is not below the sender. */
  Turned: 0x10,
} as const

/** Where fields stand. */
export const At = {
  Version: 0,
  Kind: 1,
  Flags: 2,
  Codec: 3,
  Hops: 4,
  ExtensionLength: 6,
  Epoch: 8,
  Age: 12,
  Origin: 16,
  Sequence: 32,
  Order: 40,
  Session: 48,
  LegNumber: 64,
  Incarnation: 48,
  Link: 52,
  Number: 56,
  Previous: 64,
} as const

/** Everything a header says, for tests, tools and other languages' vectors; hot paths read fields in place. */
export interface Header {
  readonly kind: number
  readonly flags: number
  readonly codec: number
  readonly hops: number
  readonly epoch: number
  readonly ageMicros: number
  /** Sixteen octets. */
  readonly origin: Uint8Array
  readonly sequence: number
  readonly order: number
  readonly leg: UpLeg | DownLeg
  readonly extensions: Uint8Array
}

export interface UpLeg {
  readonly way: "up"
  /** Sixteen octets. */
  readonly session: Uint8Array
  readonly number: number
}

export interface DownLeg {
  readonly way: "down"
  readonly incarnation: number
  readonly link: number
  readonly number: number
  readonly previous: number
}

export function encodeHeader(header: Header): Uint8Array {
  const bytes = new Uint8Array(headerBytes + header.extensions.length)
  bytes[At.Version] = headerVersion
  bytes[At.Kind] = header.kind
  bytes[At.Flags] = header.leg.way === "up" ? header.flags | Flag.Up : header.flags & ~Flag.Up
  bytes[At.Codec] = header.codec
  bytes[At.Hops] = header.hops
  writeU16(bytes, At.ExtensionLength, header.extensions.length)
  writeU32(bytes, At.Epoch, header.epoch)
  writeU32(bytes, At.Age, header.ageMicros)
  bytes.set(header.origin, At.Origin)
  writeU64(bytes, At.Sequence, header.sequence)
  writeU64(bytes, At.Order, header.order)
  if (header.leg.way === "up") {
    bytes.set(header.leg.session, At.Session)
    writeU64(bytes, At.LegNumber, header.leg.number)
  } else {
    writeU32(bytes, At.Incarnation, header.leg.incarnation)
    writeU32(bytes, At.Link, header.leg.link)
    writeU64(bytes, At.Number, header.leg.number)
    writeU64(bytes, At.Previous, header.leg.previous)
  }
  bytes.set(header.extensions, headerBytes)
  return bytes
}

/** True when the octets [start, end) are a header of our version, whole, for that way, and no number is past 2⁵³ − 1. */
export function isHeader(bytes: Uint8Array, start: number, end: number, up: boolean): boolean {
  return (
    end - start >= headerBytes &&
    bytes[start] === headerVersion &&
    ((bytes[start + At.Flags]! & Flag.Up) !== 0) === up &&
    end - start === headerBytes + readU16(bytes, start + At.ExtensionLength) &&
    isExact(bytes, start + At.Sequence) &&
    isExact(bytes, start + At.Order) &&
    isExact(bytes, start + At.Previous) &&
    (up || isExact(bytes, start + At.Number))
  )
}

/** Whether the 64-bit number there is at most 2⁵³ − 1: its top eleven bits are zero. */
function isExact(bytes: Uint8Array, at: number): boolean {
  return (bytes[at]! | (bytes[at + 1]! & 0xe0)) === 0
}

/** Reads a whole header frame. Throws `BadFrame`. */
export function decodeHeader(bytes: Uint8Array): Header {
  const up = (bytes[At.Flags]! & Flag.Up) !== 0
  if (!isHeader(bytes, 0, bytes.length, up))
    throw new ZincError("BadFrame", `a peer sent ${bytes.length} octets that are no header of version ${headerVersion}`)
  return {
    kind: bytes[At.Kind]!,
    flags: bytes[At.Flags]!,
    codec: bytes[At.Codec]!,
    hops: bytes[At.Hops]!,
    epoch: readU32(bytes, At.Epoch),
    ageMicros: readU32(bytes, At.Age),
    origin: bytes.slice(At.Origin, At.Origin + 16),
    sequence: readU64(bytes, At.Sequence),
    order: readU64(bytes, At.Order),
    leg: up
      ? { way: "up", session: bytes.slice(At.Session, At.Session + 16), number: readU64(bytes, At.LegNumber) }
      : {
          way: "down",
          incarnation: readU32(bytes, At.Incarnation),
          link: readU32(bytes, At.Link),
          number: readU64(bytes, At.Number),
          previous: readU64(bytes, At.Previous),
        },
    extensions: bytes.slice(headerBytes),
  }
}

/**
 * One batch on disk: sixteen octets of head, then the body. A voter has one batch under way at most, so only the last frame
 * of a file can be half written.
 *
 *   0        4          8          12         16
 *   | "ZV01" | length   | CRC body | CRC head | body … |      numbers little-endian; CRC-32 of zlib
 */
import { crc32 } from "node:zlib"

const headBytes = 16
const magic = 0x3130_565a

export function frameOf(body: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(headBytes + body.length)
  frame.writeUInt32LE(magic, 0)
  frame.writeUInt32LE(body.length, 4)
  frame.writeUInt32LE(crc32(body), 8)
  frame.writeUInt32LE(crc32(frame.subarray(0, 12)), 12)
  frame.set(body, headBytes)
  return frame
}

export interface FrameReading {
  /** Octets of their own each. */
  readonly bodies: readonly Uint8Array[]
  /** Up to here the file is whole. */
  readonly wholeBytes: number
  /** What follows is not the rest of a write that was cut off: something has damaged the file. Where. */
  readonly damagedAt: number | undefined
}

export function readFrames(file: Buffer): FrameReading {
  const bodies: Uint8Array[] = []
  let at = 0
  while (at < file.length) {
    const body = bodyAt(file, at)
    if (body === undefined) return { bodies, wholeBytes: at, damagedAt: isCutOff(file, at) ? undefined : at }
    bodies.push(new Uint8Array(body))
    at += headBytes + body.length
  }
  return { bodies, wholeBytes: at, damagedAt: undefined }
}

function bodyAt(file: Buffer, at: number): Uint8Array | undefined {
  const length = lengthAt(file, at)
  if (length === undefined || at + headBytes + length > file.length) return undefined
  const body = file.subarray(at + headBytes, at + headBytes + length)
  return crc32(body) === file.readUInt32LE(at + 8) ? body : undefined
}

/** Undefined where no whole head is. */
function lengthAt(file: Buffer, at: number): number | undefined {
  if (at + headBytes > file.length || file.readUInt32LE(at) !== magic) return undefined
  return crc32(file.subarray(at, at + 12)) === file.readUInt32LE(at + 12) ? file.readUInt32LE(at + 4) : undefined
}

/**
 * Whether the broken frame there is the last that was written: its parts may have come to the disk in any order. With a whole
 * head its body must reach to the end of the file; without one, no whole frame may follow.
 */
function isCutOff(file: Buffer, at: number): boolean {
  const length = lengthAt(file, at)
  if (length !== undefined) return at + headBytes + length >= file.length
  const mark = Buffer.from("ZV01")
  for (let next = file.indexOf(mark, at + 1); next >= 0; next = file.indexOf(mark, next + 1))
    if (bodyAt(file, next) !== undefined) return false
  return true
}

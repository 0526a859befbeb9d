/**
 * Messages under CURVE: each frame, and each command, becomes the body of a frame of its own.
 *
 *   bare:    flags | size | body            covered:    00 | size + 33 | 07 "MESSAGE" | counter 8 | tag 16 | [flags | body]
 *
 * Each side counts its boxes, the handshake's included, and the other holds it to counting by one: what is forged, comes
 * again, comes out of order or is left out ends the connection. A counter that has no successor ends it too, before any
 * nonce would serve twice.
 */
import { noBytes, readU64, writeU64 } from "../../../core/bytes.ts"
import { ZincError } from "../../../core/errors.ts"
import { copyInto, Flag, longHeaderBytes, shortBodyMax, shortHeaderBytes, writeHeader } from "../../frame.ts"
import { FrameCursor } from "../../frame-cursor.ts"
import { LentPieces } from "../../lent-pieces.ts"
import type { TrafficCipher } from "../mechanism.ts"
import { type Box, tagBytes } from "./box.ts"
import { messageMinBytes, nonceOf, type Words } from "./wire.ts"

/** Flags inside a box. */
const More = 1
const IsCommand = 2

/** The name MESSAGE as it travels. */
const name = Uint8Array.of(7, 0x4d, 0x45, 0x53, 0x53, 0x41, 0x47, 0x45)
/** Name and counter. */
const prefixBytes = 16
/** The last counter: beyond it numbers are not exact. At a million boxes a second it lasts 285 years. */
export const counterMax: number = Number.MAX_SAFE_INTEGER
/** Covered octets are gathered up to this much before they are handed on. */
const pieceBytes = 256 * 1024

export interface CurveTrafficOptions {
  readonly box: Box
  readonly key: Uint8Array
  /** The words of what we send, and of what comes. */
  readonly ours: Words
  readonly theirs: Words
  /** The last counters used in the handshake. */
  readonly sent: number
  readonly received: number
}

const cursor = new FrameCursor()

export class CurveTraffic implements TrafficCipher {
  readonly growth = 0
  readonly overhead: number = messageMinBytes
  readonly #box: Box
  readonly #key: Uint8Array
  readonly #ours: Uint8Array
  readonly #theirs: Uint8Array
  #sent: number
  #received: number
  readonly #lent = new LentPieces()

  constructor(options: CurveTrafficOptions) {
    this.#box = options.box
    this.#key = options.key
    this.#ours = nonceOf(options.ours, new Uint8Array(8))
    this.#theirs = nonceOf(options.theirs, new Uint8Array(8))
    this.#sent = options.sent
    this.#received = options.received
  }

  seal(chunks: readonly Uint8Array[]): Uint8Array[] {
    const pieces: Uint8Array[] = []
    let left = 0
    for (const chunk of chunks) left += chunk.length
    // Where boxes are made: the box's workspace, to be copied out of; or, for long ones, what is handed on itself.
    let space = noBytes
    let direct = false
    let used = 0
    cursor.start(chunks)
    while (cursor.next()) {
      const { size } = cursor
      const length = size + messageMinBytes
      const goesDirect = length - prefixBytes >= this.#box.directBytes
      if (goesDirect !== direct || used + length + longHeaderBytes > space.length) {
        if (used > 0) pieces.push(direct ? space.subarray(0, used) : this.#copyOf(space, used))
        const need = length + longHeaderBytes
        if (!goesDirect) space = this.#box.workspace(Math.max(pieceBytes, need))
        // Long boxes are a twentieth longer than what is in them, at most.
        else space = this.#lent.take(Math.max(need, Math.min(pieceBytes, left + (left >>> 4) + longHeaderBytes)))
        direct = goesDirect
        used = 0
      }
      left -= size
      const at = writeHeader(space, used, 0, length)
      for (let i = 0; i < 8; i++) space[at + i] = name[i]!
      this.#sent = this.#next(this.#sent)
      writeU64(space, at + 8, this.#sent)
      writeU64(this.#ours, 16, this.#sent)
      const box = at + prefixBytes
      const { flags } = cursor
      space[box + tagBytes] = (flags & Flag.More ? More : 0) | (flags & Flag.Command ? IsCommand : 0)
      cursor.copyBody(space, box + tagBytes + 1)
      used = at + length
      this.#box.seal(this.#key, this.#ours, space, box, used)
    }
    if (used > 0) pieces.push(direct ? space.subarray(0, used) : this.#copyOf(space, used))
    return pieces
  }

  taken(): void {
    this.#lent.taken()
  }

  #copyOf(space: Uint8Array, used: number): Uint8Array {
    const piece = this.#lent.take(used)
    piece.set(space.subarray(0, used))
    return piece.subarray(0, used)
  }

  open(buffer: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number | ZincError {
    if (end - start < messageMinBytes) return bad("the peer sent something that is no MESSAGE")
    for (let i = 0; i < 8; i++) {
      if (buffer[start + i] !== name[i]) return bad("the peer sent something that is no MESSAGE")
    }
    const counter = readU64(buffer, start + 8)
    if (counter !== this.#received + 1) {
      return bad(`the peer's box ${this.#received + 1} was due and ${counter} came: one is lost, replayed or forged`)
    }
    writeU64(this.#theirs, 16, counter)
    const covered = end - start - prefixBytes
    const size = covered - tagBytes - 1
    const head = size > shortBodyMax ? longHeaderBytes : shortHeaderBytes
    const box = this.#box
    let inner: number
    if (covered >= box.directBytes) {
      // The flags inside come to lie where the head's last octet will be.
      const flagsAt = at + head - 1
      if (!box.openTo!(this.#key, this.#theirs, buffer, start + prefixBytes, end, into, flagsAt)) return damaged()
      inner = into[flagsAt]!
    } else {
      const space = box.workspace(covered)
      copyInto(space, 0, buffer.subarray(start + prefixBytes, end), covered)
      if (!box.open(this.#key, this.#theirs, space, 0, covered)) return damaged()
      inner = space[tagBytes]!
      copyInto(into, at + head, space.subarray(tagBytes + 1, covered), size)
    }
    this.#received = counter
    writeHeader(into, at, (inner & More ? Flag.More : 0) | (inner & IsCommand ? Flag.Command : 0), size)
    return head + size
  }

  #next(counter: number): number {
    if (counter < counterMax) return counter + 1
    throw new ZincError("Closed", "this connection has used every nonce it may; dial again", { retryable: true })
  }
}

function damaged(): ZincError {
  return bad("the peer's box cannot be opened: it is damaged or forged")
}

function bad(why: string): ZincError {
  return new ZincError("BadFrame", why)
}

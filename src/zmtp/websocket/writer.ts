/** Frames of ZMTP in, octets of a WebSocket connection out: one binary message a frame, whole, masked where we are the client. */
import { readU32, writeU32, writeU64 } from "../../core/bytes.ts"
import type { Random } from "../../core/random.ts"
import { Flag } from "../frame.ts"
import { FrameCursor } from "../frame-cursor.ts"
import { LentPieces } from "../lent-pieces.ts"
import { applyMask } from "./mask.ts"
import { Opcode, ZwsFlag } from "./opcode.ts"

/** Octets are gathered up to this much before they are handed on. */
const pieceBytes = 64 * 1024
/** The longest head, with flag. */
const headMax = 15
/** Masks drawn at a time. */
const maskBytes = 1024

const cursor = new FrameCursor()

export class WebSocketWriter {
  /** Given, frames are masked, each with a fresh key. */
  readonly #random: Random | undefined
  #masks: Uint8Array | undefined
  #maskAt = 0
  readonly #key = new Uint8Array(4)
  readonly #lent = new LentPieces()

  constructor(random: Random | undefined) {
    this.#random = random
  }

  /**
   * Whole frames of ZMTP → the octets to send. `divert` is shown each command first, by its flags and a view of its body,
   * and takes out of the stream what it returns true for. The octets stay as they are until `taken` is called.
   */
  write(chunks: readonly Uint8Array[], divert: (body: Uint8Array) => boolean): Uint8Array[] {
    const pieces: Uint8Array[] = []
    let total = 0
    for (const chunk of chunks) total += chunk.length
    // Small frames grow: two octets of head become three, or seven.
    let piece = this.#lent.take(Math.min(pieceBytes, total * 4 + headMax))
    let at = 0
    cursor.start(chunks)
    while (cursor.next()) {
      const { flags, size } = cursor
      const isCommand = (flags & Flag.Command) !== 0
      if (at + size + headMax > piece.length) {
        if (at > 0) pieces.push(piece.subarray(0, at))
        piece = this.#lent.take(Math.max(pieceBytes, size + headMax))
        at = 0
      }
      const begin = at
      at = this.#head(piece, at, Opcode.Binary, size + 1)
      piece[at++] = isCommand ? ZwsFlag.Command : flags & Flag.More ? ZwsFlag.More : ZwsFlag.Last
      cursor.copyBody(piece, at)
      if (isCommand && divert(piece.subarray(at, at + size))) at = begin
      else {
        this.#cover(piece, at - 1, at + size)
        at += size
      }
    }
    if (at > 0) pieces.push(piece.subarray(0, at))
    return pieces
  }

  /** The system has all that was written: its memory may serve again. */
  taken(): void {
    this.#lent.taken()
  }

  /** A control frame; the payload is short. */
  control(opcode: Opcode, payload: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(payload.length + headMax)
    const at = this.#head(bytes, 0, opcode, payload.length)
    bytes.set(payload, at)
    this.#cover(bytes, at, at + payload.length)
    return bytes.subarray(0, at + payload.length)
  }

  /** A message of its own: the name that a connection without mechanism begins with. */
  message(flag: number, body: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(body.length + headMax)
    const at = this.#head(bytes, 0, Opcode.Binary, body.length + 1)
    bytes[at] = flag
    bytes.set(body, at + 1)
    this.#cover(bytes, at, at + 1 + body.length)
    return bytes.subarray(0, at + 1 + body.length)
  }

  #head(bytes: Uint8Array, at: number, opcode: Opcode, size: number): number {
    const bit = this.#random === undefined ? 0 : 0x80
    bytes[at] = 0x80 | opcode
    if (size < 126) {
      bytes[at + 1] = bit | size
      at += 2
    } else if (size < 0x1_0000) {
      bytes[at + 1] = bit | 126
      bytes[at + 2] = size >>> 8
      bytes[at + 3] = size
      at += 4
    } else {
      bytes[at + 1] = bit | 127
      writeU64(bytes, at + 2, size)
      at += 10
    }
    if (this.#random === undefined) return at
    if (this.#masks === undefined || this.#maskAt === maskBytes) {
      this.#masks = this.#random.bytes(maskBytes)
      this.#maskAt = 0
    }
    writeU32(bytes, at, readU32(this.#masks, this.#maskAt))
    this.#maskAt += 4
    return at + 4
  }

  /** Masks [start, end) with the key that stands before it. */
  #cover(bytes: Uint8Array, start: number, end: number): void {
    if (this.#random === undefined) return
    const key = this.#key
    for (let i = 0; i < 4; i++) key[i] = bytes[start - 4 + i]!
    applyMask(bytes, start, end, key, 0)
  }
}

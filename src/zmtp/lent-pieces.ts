/**
 * Memory for octets that are handed to the system and serve again when it has taken them. Fresh memory of that size costs
 * the system more than what is written into it costs us.
 */
import { dirtyBytes } from "../core/bytes.ts"

const pieceBytes = 256 * 1024
/** Less than this has memory of its own size, so that many connections that say little hold little. */
const pooledFrom = 32 * 1024
/** Pieces that wait to serve again, for all connections. */
const spare: Uint8Array[] = []
const spareMax = 8

/** What one connection has handed on. */
export class LentPieces {
  #lent: Uint8Array[] = []

  /** Memory of at least that length. */
  take(bytes: number): Uint8Array {
    if (bytes < pooledFrom || bytes > pieceBytes) return dirtyBytes(bytes)
    const piece = spare.pop() ?? dirtyBytes(pieceBytes)
    this.#lent.push(piece)
    return piece
  }

  /** All of it is with the system. */
  taken(): void {
    for (const piece of this.#lent) if (spare.length < spareMax) spare.push(piece)
    this.#lent.length = 0
  }
}

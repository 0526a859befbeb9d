/**
 * Memory for received octets that must outlive the buffer they were read into. It is handed out from large pieces,
 * front to back, and never taken back: the collector frees a piece when nobody refers to it any more.
 */
import { dirtyBytes } from "../core/bytes.ts"

const pieceBytes = 256 * 1024

export class Arena {
  /** The piece in use; what is before `at` has been handed out. */
  bytes: Uint8Array = new Uint8Array(0)
  at = 0

  /** Makes sure that `bytes` more fit at `at`. */
  reserve(bytes: number): void {
    if (this.bytes.length - this.at >= bytes) return
    this.bytes = dirtyBytes(Math.max(pieceBytes, bytes))
    this.at = 0
  }
}

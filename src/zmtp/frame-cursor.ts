/**
 * Walks the frames of octets we are about to send, wherever the chunks end: for those who write them in another form
 * (sealed, or as WebSocket messages). It makes nothing per frame.
 *
 *     cursor.start(chunks)
 *     while (cursor.next()) cursor.copyBody(into, at)        // flags and size are known in between
 */
import { noBytes } from "../core/bytes.ts"
import { Flag } from "./frame.ts"

export class FrameCursor {
  /** Of the frame `next` found, as they stand on the wire. */
  flags = 0
  /** Octets of its body. */
  size = 0
  #chunks: readonly Uint8Array[] = []
  #index = 0
  #chunk: Uint8Array = noBytes
  #at = 0

  /** The chunks hold whole frames. */
  start(chunks: readonly Uint8Array[]): void {
    this.#chunks = chunks
    this.#index = -1
    this.#chunk = noBytes
    this.#at = 0
  }

  /** Goes to the next frame, whose body must be copied or skipped before the one after. False at the end. */
  next(): boolean {
    if (!this.#reach()) return false
    const chunk = this.#chunk
    // The common case: a short header that lies in one chunk.
    if (this.#at + 1 < chunk.length && (chunk[this.#at]! & Flag.Long) === 0) {
      this.flags = chunk[this.#at]!
      this.size = chunk[this.#at + 1]!
      this.#at += 2
      return true
    }
    this.flags = this.#octet()
    const octets = (this.flags & Flag.Long) === 0 ? 1 : 8
    this.size = 0
    for (let i = 0; i < octets; i++) this.size = this.size * 256 + this.#octet()
    return true
  }

  /** Copies the body to `into` at `at`. */
  copyBody(into: Uint8Array, at: number): void {
    let left = this.size
    while (left > 0 && this.#reach()) {
      const chunk = this.#chunk
      const from = this.#at
      const take = Math.min(left, chunk.length - from)
      // Below this a loop beats the call that `set` is.
      if (take <= 24) for (let i = 0; i < take; i++) into[at + i] = chunk[from + i]!
      else into.set(from === 0 && take === chunk.length ? chunk : chunk.subarray(from, from + take), at)
      this.#at += take
      at += take
      left -= take
    }
  }

  skipBody(): void {
    let left = this.size
    while (left > 0 && this.#reach()) {
      const take = Math.min(left, this.#chunk.length - this.#at)
      this.#at += take
      left -= take
    }
  }

  /** Whether there is another octet, having gone to its chunk. */
  #reach(): boolean {
    while (this.#at >= this.#chunk.length) {
      if (++this.#index >= this.#chunks.length) {
        this.#chunks = []
        this.#chunk = noBytes
        this.#at = 0
        this.#index = 0
        return false
      }
      this.#chunk = this.#chunks[this.#index]!
      this.#at = 0
    }
    return true
  }

  #octet(): number {
    return this.#reach() ? this.#chunk[this.#at++]! : 0
  }
}

/** Fragments that come up in pieces, at a host. Bounded in number and octets; what nobody continues is dropped. */
import { concat } from "../core/bytes.ts"
import type { Clock } from "../core/clock.ts"
import { ZincError } from "../core/errors.ts"
import type { EndpointId } from "../core/id.ts"

/** A push without a next piece for this long is over. */
const idleMs = 10_000

export interface PushPiece {
  readonly name: string
  readonly transfer: bigint
  readonly size: bigint
  readonly offset: bigint
  readonly piece: Uint8Array
}

interface Push {
  readonly name: string
  readonly size: number
  readonly pieces: Uint8Array[]
  received: number
  at: number
}

export class Pushes {
  readonly #clock: Clock
  readonly #maxBytes: number
  readonly #all = new Map<string, Push>()

  /** `maxBytes` for one push; all under way together may hold twice that. */
  constructor(clock: Clock, maxBytes: number) {
    this.#clock = clock
    this.#maxBytes = maxBytes
  }

  /** Whether one is under way for that document. */
  under(name: string): boolean {
    this.#expire()
    for (const push of this.#all.values()) if (push.name === name) return true
    return false
  }

  /** The whole fragment with its last piece, else undefined. Throws `TooLarge`, `Full` (try again) or `BadFrame`. */
  add(from: EndpointId, next: PushPiece): Uint8Array | undefined {
    this.#expire()
    const key = `${from}/${next.transfer}`
    const size = Number(next.size)
    const offset = Number(next.offset)
    if (!(size <= this.#maxBytes)) {
      throw new ZincError("TooLarge", `${size} octets at once are over the limit of ${this.#maxBytes} for one document`)
    }
    let push = this.#all.get(key)
    if (offset === 0) {
      push = { name: next.name, size, pieces: [], received: 0, at: 0 }
      this.#all.delete(key)
      if (this.#held() + size > 2 * this.#maxBytes) {
        throw new ZincError("Full", "too much is being sent up at once", { retryable: true, retryAfterMs: 500 })
      }
      this.#all.set(key, push)
    }
    if (push === undefined || push.name !== next.name || push.size !== size || push.received !== offset) {
      this.#all.delete(key)
      throw new ZincError("BadFrame", "pieces of a push must follow each other", { retryable: true, retryAfterMs: 100 })
    }
    if (next.piece.length === 0 || offset + next.piece.length > size) {
      this.#all.delete(key)
      throw new ZincError("BadFrame", "a piece of a push is empty or too long")
    }
    push.pieces.push(next.piece.slice())
    push.received += next.piece.length
    push.at = this.#clock.now()
    if (push.received < size) return undefined
    this.#all.delete(key)
    return concat(push.pieces)
  }

  close(): void {
    this.#all.clear()
  }

  #held(): number {
    let bytes = 0
    for (const push of this.#all.values()) bytes += push.size
    return bytes
  }

  #expire(): void {
    const old = this.#clock.now() - idleMs
    for (const [key, push] of this.#all) if (push.at <= old) this.#all.delete(key)
  }
}

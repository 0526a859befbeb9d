/**
 * Memory for encoded messages. A slab is filled from its start; the filled part never changes while anyone holds the
 * slab, and once nobody does it is filled again from the start.
 */

import { dirtyBytes } from "../core/bytes.ts"

export class Slab {
  readonly bytes: Uint8Array
  /** Where the next message goes. */
  used = 0
  /** How many still need what is in it: the one that fills it, and each connection with octets of it unsent. */
  holds = 0

  constructor(bytes: number) {
    this.bytes = dirtyBytes(bytes)
  }
}

/** For connections that say little at a time, so that a thousand of them cost little together. */
export const smallSlabBytes: number = 2 * 1024
export const largeSlabBytes: number = 64 * 1024

/** Most slabs of each kind kept for later. */
const keptMax = 64

/** Slabs shared by all connections of an engine. */
export class SlabPool {
  readonly #small: Slab[] = []
  readonly #large: Slab[] = []

  /** A slab with nothing in it and one hold, the taker's. */
  take(large: boolean): Slab {
    const slab = (large ? this.#large : this.#small).pop() ?? new Slab(large ? largeSlabBytes : smallSlabBytes)
    slab.used = 0
    slab.holds = 1
    return slab
  }

  /** Gives up one hold; the last one gives the slab back. */
  release(slab: Slab): void {
    if (--slab.holds > 0) return
    const kept = slab.bytes.length === largeSlabBytes ? this.#large : this.#small
    if (kept.length < keptMax) kept.push(slab)
  }
}

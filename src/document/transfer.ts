/**
 * Documents on their way to those who ask, in pieces that the asker pulls. One encoded state serves any number of
 * joiners: what changes after it was encoded is kept as a tail of fragments, so that even a document under heavy editing
 * is encoded once for a whole storm of joins.
 */
import { concat, noBytes, toHex } from "../core/bytes.ts"
import type { Clock, Timer } from "../core/clock.ts"
import { ZincError } from "../core/errors.ts"
import type { EndpointId } from "../core/id.ts"
import type { Replica } from "./document-type.ts"

/** How long an encoded state, or a difference, is kept after it was last used. */
const idleMs = 5_000
/** A tail longer than this makes a new encoding the cheaper choice. */
const tailBytesMax = 256 * 1024
const tailFragmentsMax = 1_024
/** Differences kept for askers that come back with the same version. */
const differencesMax = 16
/** Octets of those; one larger than this is kept for its asker only. */
const differencesBytesMax = 64 * 1024 * 1024
/** Octets that all transfers of an endpoint hold; more are refused for a while. */
const heldBytesMax = 256 * 1024 * 1024
/** How long an asker that is refused for that waits. */
const fullRetryMs = 500

interface Encoded {
  readonly version: Uint8Array
  readonly fragment: Uint8Array | undefined
  usedAt: number
}

/** What one asker gets: fragments, and the version that they bring it to (or that it had when they were encoded). */
export interface Offer {
  readonly version: Uint8Array
  readonly fragments: readonly Uint8Array[]
}

/** Encodes at most once per version what askers lack. One per document. */
export class Offers {
  readonly #replica: Replica
  readonly #clock: Clock
  readonly #empty: string
  #state: Encoded | undefined
  #tail: Uint8Array[] = []
  #tailBytes = 0
  readonly #differences = new Map<string, Encoded>()
  #timer: Timer | undefined
  /** How often a whole state was encoded, ever. */
  encodings = 0

  /** `emptyVersion` is that of a replica that holds nothing. */
  constructor(replica: Replica, clock: Clock, emptyVersion: Uint8Array) {
    this.#replica = replica
    this.#clock = clock
    this.#empty = toHex(emptyVersion)
  }

  /** Whether `for` has it encoded already. */
  has(version: Uint8Array): boolean {
    const key = toHex(version)
    return key === this.#empty ? this.#state !== undefined : this.#differences.has(key)
  }

  for(version: Uint8Array): Offer {
    this.#timer ??= this.#clock.after(idleMs, () => this.#expire())
    const key = toHex(version)
    const now = this.#clock.now()
    if (key === this.#empty) {
      if (this.#state === undefined) {
        this.encodings++
        this.#state = { version: this.#replica.version(), fragment: this.#replica.diff(version), usedAt: now }
      }
      const { version: reached, fragment } = this.#state
      this.#state.usedAt = now
      return { version: reached, fragments: fragment === undefined ? [...this.#tail] : [fragment, ...this.#tail] }
    }
    let difference = this.#differences.get(key)
    if (difference === undefined) {
      difference = { version: this.#replica.version(), fragment: this.#replica.diff(version), usedAt: now }
      let bytes = difference.fragment?.length ?? 0
      for (const other of this.#differences.values()) bytes += other.fragment?.length ?? 0
      if (this.#differences.size >= differencesMax || bytes > differencesBytesMax) this.#differences.clear()
      this.#differences.set(key, difference)
    }
    difference.usedAt = now
    return { version: difference.version, fragments: difference.fragment === undefined ? [] : [difference.fragment] }
  }

  /** The replica has changed by these fragments, and nothing else. They are copied if kept. */
  extend(fragments: readonly Uint8Array[]): void {
    this.#differences.clear()
    if (this.#state === undefined) return
    for (const fragment of fragments) this.#tailBytes += fragment.length
    if (this.#tailBytes > tailBytesMax || this.#tail.length + fragments.length > tailFragmentsMax) this.forget()
    else for (const fragment of fragments) this.#tail.push(fragment.slice())
  }

  /** The replica has changed in a way that is not known as fragments. */
  forget(): void {
    this.#differences.clear()
    this.#state = undefined
    this.#tail = []
    this.#tailBytes = 0
  }

  close(): void {
    this.#timer?.cancel()
    this.forget()
  }

  /** Lets go of what nobody asked for lately. */
  #expire(): void {
    this.#timer = undefined
    const old = this.#clock.now() - idleMs
    for (const [key, difference] of this.#differences) if (difference.usedAt <= old) this.#differences.delete(key)
    if (this.#state !== undefined && this.#state.usedAt <= old) this.forget()
    if (this.#state !== undefined || this.#differences.size > 0) {
      this.#timer = this.#clock.after(idleMs, () => this.#expire())
    }
  }
}

interface Transfer {
  readonly to: EndpointId
  readonly fragments: readonly Uint8Array[]
  usedAt: number
}

/** Everything on its way from one endpoint. A transfer holds the encoded octets, which all transfers of them share. */
export class Transfers {
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #most: number
  readonly #bytesMax: number
  readonly #all = new Map<bigint, Transfer>()
  /** How many transfers hold each fragment. */
  readonly #holders = new Map<Uint8Array, number>()
  #bytes = 0
  #next = 1n
  #timer: Timer | undefined

  /** A transfer that nobody pulled from for `idleMs` is dropped; past `most` the oldest is. All hold `bytesMax` octets. */
  constructor(clock: Clock, idleMs = 30_000, most = 10_000, bytesMax: number = heldBytesMax) {
    this.#bytesMax = bytesMax
    this.#clock = clock
    this.#idleMs = idleMs
    this.#most = most
  }

  get size(): number {
    return this.#all.size
  }

  /** Octets held now, those that several transfers share once. */
  get bytes(): number {
    return this.#bytes
  }

  /** Throws `Full`, to be tried again, when what it holds beyond the others is too much. */
  open(to: EndpointId, fragments: readonly Uint8Array[]): bigint {
    let more = 0
    for (const fragment of fragments) if (!this.#holders.has(fragment)) more += fragment.length
    if (this.#all.size > 0 && more > 0 && this.#bytes + more > this.#bytesMax) {
      throw new ZincError("Full", "too much is being sent at once", { retryable: true, retryAfterMs: fullRetryMs })
    }
    if (this.#all.size >= this.#most) this.#drop(this.#all.keys().next().value!)
    for (const fragment of fragments) {
      const holders = this.#holders.get(fragment) ?? 0
      if (holders === 0) this.#bytes += fragment.length
      this.#holders.set(fragment, holders + 1)
    }
    const id = this.#next++
    this.#all.set(id, { to, fragments, usedAt: this.#clock.now() })
    this.#timer ??= this.#clock.every(this.#idleMs, () => this.#expire())
    return id
  }

  /** Up to `length` octets from `offset` of the fragments laid end to end; none when there is no such transfer to them. */
  read(id: bigint, to: EndpointId, offset: number, length: number): Uint8Array {
    const transfer = this.#all.get(id)
    if (transfer === undefined || transfer.to !== to) return noBytes
    transfer.usedAt = this.#clock.now()
    let start = offset
    let first = 0
    while (first < transfer.fragments.length && start >= transfer.fragments[first]!.length) {
      start -= transfer.fragments[first++]!.length
    }
    const fragment = transfer.fragments[first]
    if (fragment === undefined) return noBytes
    // Most pieces lie within one fragment, and are views of it: nothing is copied.
    if (start + length <= fragment.length || first === transfer.fragments.length - 1) {
      return fragment.subarray(start, start + length)
    }
    const pieces: Uint8Array[] = []
    let left = length
    for (let i = first; i < transfer.fragments.length && left > 0; i++) {
      const piece = transfer.fragments[i]!.subarray(start, start + left)
      pieces.push(piece)
      left -= piece.length
      start = 0
    }
    return concat(pieces)
  }

  #drop(id: bigint): void {
    for (const fragment of this.#all.get(id)?.fragments ?? []) {
      const holders = this.#holders.get(fragment)! - 1
      if (holders > 0) this.#holders.set(fragment, holders)
      else {
        this.#holders.delete(fragment)
        this.#bytes -= fragment.length
      }
    }
    this.#all.delete(id)
  }

  close(): void {
    this.#timer?.cancel()
    for (const id of [...this.#all.keys()]) this.#drop(id)
  }

  #expire(): void {
    const old = this.#clock.now() - this.#idleMs
    for (const [id, transfer] of this.#all) if (transfer.usedAt <= old) this.#drop(id)
    if (this.#all.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }
}

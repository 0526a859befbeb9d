/** Where documents are kept. Adapters are leaves; `zincmq/testing` has the suite each must pass: `storageSuite`. */
import { utf8 } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"

/** A path: 1–16 segments of 1–512 octets of UTF-8 each, none with a zero. */
export type StorageKey = readonly string[]

export interface StorageSupport {
  /** What a resolved write promised is there after the process is killed and started again. */
  readonly durable: boolean
  /** A `write` of several changes is there whole or not at all, whatever happens meanwhile. */
  readonly atomic: boolean
}

export type StorageChange =
  | { readonly type: "put"; readonly key: StorageKey; readonly value: Uint8Array }
  | { readonly type: "delete"; readonly key: StorageKey }

export interface StorageCallOptions {
  /** Ends the wait with `Aborted`. A write that has begun may still happen. */
  readonly signal?: AbortSignal
}

/** Keeps octets under keys; the last write wins. Every call rejects with `Closed` after `close`, and with `BadOption` for a bad key. */
export interface Storage extends AsyncDisposable {
  readonly supports: StorageSupport
  /** The value, the caller's to keep; undefined when there is none. */
  get(key: StorageKey, options?: StorageCallOptions): Promise<Uint8Array | undefined>
  /** Resolves when all changes are kept, applied in order. The values are copied before it returns. */
  write(changes: readonly StorageChange[], options?: StorageCallOptions): Promise<void>
  /** The keys that begin with these segments, and the prefix itself if it is a key; in order of their segments' octets. */
  list(prefix: StorageKey, options?: StorageCallOptions): AsyncIterable<StorageKey>
  /** Finishes what was asked before. Idempotent. */
  close(): Promise<void>
}

/** Throws `BadOption`. An empty path is allowed as a prefix only. */
export function checkStorageKey(key: StorageKey, prefix = false): void {
  const fine =
    Array.isArray(key) &&
    (prefix || key.length > 0) &&
    key.length <= 16 &&
    key.every(
      segment =>
        typeof segment === "string" && segment.length > 0 && !segment.includes("\0") && utf8(segment).length <= 512,
    )
  if (!fine) {
    throw new ZincError(
      "BadOption",
      "a storage key is a path of 1 to 16 segments of 1 to 512 octets each, without zeros",
    )
  }
}

/** The order of `list`. */
export function compareStorageKeys(a: StorageKey, b: StorageKey): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareOctets(utf8(a[i]!), utf8(b[i]!))
    if (order !== 0) return order
  }
  return a.length - b.length
}

function compareOctets(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

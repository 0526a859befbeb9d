/**
 * Keeps everything in this process, for as long as it lives: the contract's twin for tests, and where a host without
 * storage puts documents that nobody has open. Nothing is ever dropped to make room: a write beyond `maxBytes` is refused
 * whole, with `Full`.
 */
import { ZincError } from "../../core/errors.ts"
import {
  checkStorageKey,
  compareStorageKeys,
  type Storage,
  type StorageCallOptions,
  type StorageChange,
  type StorageKey,
  type StorageSupport,
} from "../storage.ts"

const maxBytesDefault = 1024 * 1024 * 1024

export interface MemoryStorageOptions {
  /** Octets of all values together. Default 1 GiB. */
  readonly maxBytes?: number
}

export class MemoryStorage implements Storage {
  readonly supports: StorageSupport = { durable: false, atomic: true }
  readonly #values = new Map<string, { readonly key: StorageKey; readonly value: Uint8Array }>()
  readonly #maxBytes: number
  #bytes = 0
  #closed = false

  constructor(options: MemoryStorageOptions = {}) {
    const { maxBytes = maxBytesDefault } = options
    if (!(Number.isSafeInteger(maxBytes) && maxBytes > 0))
      throw new ZincError("BadOption", `maxBytes must be a whole number above zero, not ${maxBytes}`)
    this.#maxBytes = maxBytes
  }

  /** Octets of all values. */
  get bytes(): number {
    return this.#bytes
  }

  async get(key: StorageKey, options: StorageCallOptions = {}): Promise<Uint8Array | undefined> {
    this.#check(options)
    checkStorageKey(key)
    return this.#values.get(joined(key))?.value.slice()
  }

  async write(changes: readonly StorageChange[], options: StorageCallOptions = {}): Promise<void> {
    this.#check(options)
    for (const change of changes) checkStorageKey(change.key)
    const bytes = this.#bytes + this.#growth(changes)
    if (bytes > this.#maxBytes && bytes > this.#bytes) {
      throw new ZincError(
        "Full",
        `the memory storage holds ${this.#bytes} octets, and ${bytes} would be over its limit of ${this.#maxBytes}; delete some, or raise maxBytes`,
        { retryable: true },
      )
    }
    for (const change of changes) {
      if (change.type === "delete") this.#values.delete(joined(change.key))
      else this.#values.set(joined(change.key), { key: [...change.key], value: change.value.slice() })
    }
    this.#bytes = bytes
  }

  /** How many octets more there are after the changes. */
  #growth(changes: readonly StorageChange[]): number {
    const after = new Map<string, number>()
    for (const change of changes) after.set(joined(change.key), change.type === "put" ? change.value.length : 0)
    let more = 0
    for (const [key, length] of after) more += length - (this.#values.get(key)?.value.length ?? 0)
    return more
  }

  async *list(prefix: StorageKey, options: StorageCallOptions = {}): AsyncIterable<StorageKey> {
    this.#check(options)
    checkStorageKey(prefix, true)
    const found = [...this.#values.values()]
      .map(entry => entry.key)
      .filter(key => prefix.every((segment, i) => key[i] === segment))
    for (const key of found.sort(compareStorageKeys)) yield key
  }

  async close(): Promise<void> {
    this.#closed = true
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #check(options: StorageCallOptions): void {
    if (this.#closed) throw new ZincError("Closed", "the memory storage is closed; open a new one")
    if (options.signal?.aborted)
      throw new ZincError("Aborted", "the storage call was aborted", { cause: options.signal.reason })
  }
}

function joined(key: StorageKey): string {
  return key.join("\0")
}

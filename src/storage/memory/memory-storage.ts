/** Keeps everything in this process, for as long as it lives: the contract's twin for tests, and the default. */
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

export class MemoryStorage implements Storage {
  readonly supports: StorageSupport = { durable: false, atomic: true }
  readonly #values = new Map<string, { readonly key: StorageKey; readonly value: Uint8Array }>()
  #closed = false

  async get(key: StorageKey, options: StorageCallOptions = {}): Promise<Uint8Array | undefined> {
    this.#check(options)
    checkStorageKey(key)
    return this.#values.get(joined(key))?.value.slice()
  }

  async write(changes: readonly StorageChange[], options: StorageCallOptions = {}): Promise<void> {
    this.#check(options)
    for (const change of changes) checkStorageKey(change.key)
    for (const change of changes) {
      if (change.type === "delete") this.#values.delete(joined(change.key))
      else this.#values.set(joined(change.key), { key: [...change.key], value: change.value.slice() })
    }
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

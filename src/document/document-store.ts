/**
 * Documents to and from storage. Writing is behind: what changes within a while is one write of the whole state, and a
 * large document is written less often, so that storage never takes more than a part of the time.
 *
 *     key ["document", name]  value [1][length of type][type, UTF-8][state]
 */
import { concat, fromUtf8, utf8 } from "../core/bytes.ts"
import type { Clock, Timer } from "../core/clock.ts"
import { messageOf, ZincError } from "../core/errors.ts"
import type { Logger } from "../core/logger.ts"
import type { Storage, StorageKey } from "../storage/storage.ts"

/** A write that took long is followed by a pause this many times as long. */
const pauseFactor = 10
const retryMs = 5_000

export interface StoredDocument {
  readonly type: string
  readonly state: Uint8Array
}

export interface DocumentStoreOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly logger: Logger
  /** From the first change to the write; undefined: only when `saved` asks for it. */
  readonly saveAfterMs: number | undefined
}

export class DocumentStore {
  readonly storage: Storage
  readonly #options: DocumentStoreOptions
  readonly #savers = new Map<string, Saver>()

  constructor(options: DocumentStoreOptions) {
    this.#options = options
    this.storage = options.storage
  }

  /** Undefined when it was never saved. Throws `BadPayload` for a record that is none. */
  async load(name: string): Promise<StoredDocument | undefined> {
    const record = await this.storage.get(keyOf(name))
    if (record === undefined) return undefined
    const end = 2 + (record[1] ?? 0)
    if (record[0] !== 1 || record.length < end) {
      throw new ZincError("BadPayload", `what is stored for document "${name}" is no document; restore it from a copy`)
    }
    return { type: fromUtf8(record.subarray(2, end)), state: record.subarray(end) }
  }

  /** All documents that are kept. */
  async *names(): AsyncIterable<string> {
    for await (const [, name, more] of this.storage.list(["document"]))
      if (name !== undefined && more === undefined) yield name
  }

  /** The document changed; `encode` gives its state when it is time to write. */
  changed(name: string, type: string, encode: () => Uint8Array): void {
    let saver = this.#savers.get(name)
    if (saver === undefined) {
      saver = new Saver(name, type, encode, this.#options)
      this.#savers.set(name, saver)
    }
    saver.changed()
  }

  /** Resolves when everything that changed so far is written. Rejects when it could not be. */
  async saved(name?: string): Promise<void> {
    const savers = name === undefined ? [...this.#savers.values()] : [this.#savers.get(name)]
    await Promise.all(savers.map(saver => saver?.save()))
  }

  /** Whether something changed that is not written. */
  lags(name: string): boolean {
    return this.#savers.get(name)?.lags ?? false
  }

  forget(name: string): void {
    this.#savers.get(name)?.stop()
    this.#savers.delete(name)
  }
}

class Saver {
  readonly #key: StorageKey
  readonly #head: Uint8Array
  readonly #encode: () => Uint8Array
  readonly #options: DocumentStoreOptions
  #timer: Timer | undefined
  #dirty = false
  #stopped = false
  #writing: Promise<void> | undefined
  #pauseUntil = 0

  constructor(name: string, type: string, encode: () => Uint8Array, options: DocumentStoreOptions) {
    const typeName = utf8(type)
    this.#key = keyOf(name)
    this.#head = concat([new Uint8Array([1, typeName.length]), typeName])
    this.#encode = encode
    this.#options = options
  }

  changed(): void {
    this.#dirty = true
    if (this.#writing === undefined) this.#arm()
  }

  get lags(): boolean {
    return this.#dirty || this.#writing !== undefined
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** What changed before the call is written when it resolves; later changes wait for their turn. */
  async save(): Promise<void> {
    await this.#writing?.catch(() => {})
    if (this.#dirty) await (this.#writing ?? this.#write())
  }

  #arm(): void {
    const { clock, logger, saveAfterMs } = this.#options
    if (this.#stopped || saveAfterMs === undefined) return
    this.#timer ??= clock.after(Math.max(saveAfterMs, this.#pauseUntil - clock.now()), () => {
      this.#timer = undefined
      this.save().catch(thrown => {
        logger.error("a document could not be saved; it is tried again", {
          key: this.#key.join("/"),
          reason: messageOf(thrown),
        })
      })
    })
  }

  #write(): Promise<void> {
    const { clock, storage } = this.#options
    const began = clock.now()
    this.#dirty = false
    const ended = (pauseMs: number) => {
      this.#writing = undefined
      this.#pauseUntil = clock.now() + pauseMs
      if (this.#dirty) this.#arm()
    }
    this.#writing = storage.write([{ type: "put", key: this.#key, value: concat([this.#head, this.#encode()]) }]).then(
      () => ended(pauseFactor * (clock.now() - began)),
      thrown => {
        this.#dirty = true
        ended(retryMs)
        throw thrown
      },
    )
    return this.#writing
  }
}

function keyOf(name: string): StorageKey {
  return ["document", name]
}

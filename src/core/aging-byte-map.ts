/**
 * A ByteMap that forgets what has not been asked for in a long while, so that a program that runs for months and meets
 * ever new keys stays bounded. Two generations: what is asked for lives in the young one; when that is full it becomes
 * the old one, and what was left in the old one is forgotten.
 */
import { ByteMap } from "./byte-map.ts"

export class AgingByteMap<V> {
  readonly #generationMax: number
  readonly #seed: number | undefined
  #young: ByteMap<V>
  #old: ByteMap<V> | undefined

  /** At least the `generationMax` keys used last are kept, and at most twice as many. */
  constructor(generationMax: number, seed?: number) {
    this.#generationMax = generationMax
    this.#seed = seed
    this.#young = new ByteMap(seed)
  }

  get size(): number {
    return this.#young.size + (this.#old?.size ?? 0)
  }

  /** The value of the key that stands at [start, end) of `buffer`. */
  get(buffer: Uint8Array, start = 0, end: number = buffer.length): V | undefined {
    const found = this.#young.get(buffer, start, end)
    if (found !== undefined || this.#old === undefined) return found
    const aged = this.#old.get(buffer, start, end)
    if (aged === undefined) return undefined
    this.set(buffer.slice(start, end), aged)
    return aged
  }

  /** Keeps the key by reference: it must not change. */
  set(key: Uint8Array, value: V): void {
    this.#old?.delete(key)
    this.#young.set(key, value)
    if (this.#young.size < this.#generationMax) return
    this.#old = this.#young
    this.#young = new ByteMap(this.#seed)
  }

  delete(key: Uint8Array): void {
    this.#young.delete(key)
    this.#old?.delete(key)
  }

  clear(): void {
    this.#young.clear()
    this.#old = undefined
  }

  *values(): IterableIterator<V> {
    yield* this.#young.values()
    if (this.#old !== undefined) yield* this.#old.values()
  }
}

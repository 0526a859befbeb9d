/**
 * A map from octets to values that looks up a stretch of a larger buffer in place, so that hot paths make neither a view
 * nor a string. Seeded, so that a peer cannot choose keys that collide.
 */
export class ByteMap<V> {
  readonly #seed: number
  #buckets: (Entry<V> | undefined)[] = new Array(16)
  #size = 0

  constructor(seed = 0x811c9dc5) {
    this.#seed = seed | 0
  }

  get size(): number {
    return this.#size
  }

  /** The value of the key that stands at [start, end) of `buffer`. */
  get(buffer: Uint8Array, start = 0, end: number = buffer.length): V | undefined {
    let entry = this.#buckets[this.#hash(buffer, start, end) & (this.#buckets.length - 1)]
    while (entry !== undefined) {
      if (sameBytes(entry.key, buffer, start, end)) return entry.value
      entry = entry.next
    }
    return undefined
  }

  /** Keeps the key by reference: it must not change. */
  set(key: Uint8Array, value: V): void {
    const hash = this.#hash(key, 0, key.length)
    for (let entry = this.#buckets[hash & (this.#buckets.length - 1)]; entry !== undefined; entry = entry.next) {
      if (sameBytes(entry.key, key, 0, key.length)) {
        entry.value = value
        return
      }
    }
    if (this.#size >= this.#buckets.length) this.#grow()
    const at = hash & (this.#buckets.length - 1)
    this.#buckets[at] = { key, hash, value, next: this.#buckets[at] }
    this.#size++
  }

  delete(key: Uint8Array): boolean {
    const at = this.#hash(key, 0, key.length) & (this.#buckets.length - 1)
    let before: Entry<V> | undefined
    for (let entry = this.#buckets[at]; entry !== undefined; entry = entry.next) {
      if (sameBytes(entry.key, key, 0, key.length)) {
        if (before === undefined) this.#buckets[at] = entry.next
        else before.next = entry.next
        this.#size--
        return true
      }
      before = entry
    }
    return false
  }

  clear(): void {
    this.#buckets = new Array(16)
    this.#size = 0
  }

  *values(): IterableIterator<V> {
    for (const bucket of this.#buckets) {
      for (let entry = bucket; entry !== undefined; entry = entry.next) yield entry.value
    }
  }

  #hash(buffer: Uint8Array, start: number, end: number): number {
    let hash = this.#seed
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ buffer[i]!, 0x01000193)
    return hash ^ (hash >>> 15)
  }

  #grow(): void {
    const old = this.#buckets
    const buckets: (Entry<V> | undefined)[] = new Array(old.length * 2)
    for (const bucket of old) {
      let entry = bucket
      while (entry !== undefined) {
        const next = entry.next
        const at = entry.hash & (buckets.length - 1)
        entry.next = buckets[at]
        buckets[at] = entry
        entry = next
      }
    }
    this.#buckets = buckets
  }
}

interface Entry<V> {
  readonly key: Uint8Array
  readonly hash: number
  value: V
  next: Entry<V> | undefined
}

/** Whether `key` is what stands at [start, end) of `buffer`. */
export function sameBytes(key: Uint8Array, buffer: Uint8Array, start: number, end: number): boolean {
  const length = key.length
  if (end - start !== length) return false
  for (let i = 0; i < length; i++) if (key[i] !== buffer[start + i]) return false
  return true
}

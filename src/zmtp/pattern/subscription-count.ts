/**
 * What a subscriber has asked for. Every `subscribe` of a prefix is told to publishers, the end of it only when as many
 * unsubscribes have come (S2); all of it is told again to each new connection (S3).
 */
import { copyOf } from "../../core/bytes.ts"
import { SubscriptionTrie } from "./subscription-trie.ts"

export class SubscriptionCount {
  readonly #entries = new Map<string, { readonly prefix: Uint8Array; count: number }>()
  readonly #trie = new SubscriptionTrie<true>()

  get size(): number {
    return this.#entries.size
  }
  /** Each prefix once. */
  *prefixes(): IterableIterator<Uint8Array> {
    for (const entry of this.#entries.values()) yield entry.prefix
  }

  add(prefix: Uint8Array): void {
    const key = keyOf(prefix)
    const entry = this.#entries.get(key)
    if (entry !== undefined) {
      entry.count++
      return
    }
    const own = copyOf(prefix)
    this.#entries.set(key, { prefix: own, count: 1 })
    this.#trie.add(own, true)
  }

  /** True when that was the last of it, which publishers must hear. */
  remove(prefix: Uint8Array): boolean {
    const key = keyOf(prefix)
    const entry = this.#entries.get(key)
    if (entry === undefined || --entry.count > 0) return false
    this.#entries.delete(key)
    this.#trie.remove(entry.prefix, true)
    return true
  }

  /** Whether it wants everything there is. */
  get all(): boolean {
    return this.#trie.wantsAll
  }

  /** Whether it wants the topic [start, end). */
  matches(topic: Uint8Array, start: number, end: number): boolean {
    return this.#trie.matches(topic, start, end)
  }
}

/** As arguments of one call; put together one by one they would be a chain of as many strings. */
const charactersAtOnce = 4_096

/** Octets as a string of the same length, to be a key. */
export function keyOf(bytes: Uint8Array): string {
  if (bytes.length <= charactersAtOnce) return String.fromCharCode.apply(undefined, bytes as unknown as number[])
  let key = ""
  for (let at = 0; at < bytes.length; at += charactersAtOnce) key += keyOf(bytes.subarray(at, at + charactersAtOnce))
  return key
}

/** The octets that such a string stands for. */
export function ofKey(key: string): Uint8Array {
  const bytes = new Uint8Array(key.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = key.charCodeAt(i)
  return bytes
}

/**
 * Where an endpoint stands in its tree: the path from the root, and which tree and which of its generations that is. At
 * the root it never changes. Elsewhere the host above says it, with the ACCEPT and when it changes.
 */
import { equalBytes } from "../core/bytes.ts"

/** Links from the root to the lowest endpoint. */
export const depthMax = 8
/** Hops a frame may make: from the deepest endpoint up to the root, down to the deepest again, two to spare. */
export const hopsMax = 18

export class Place {
  readonly self: Uint8Array
  /** Ids from the root to the host above; empty at the root. */
  #above: readonly Uint8Array[] = []
  #isAttached = false
  #isConfirmed = false
  #isReadOnly = false
  tree = ""
  /** Drawn anew by each root that begins without memory. */
  generation: Uint8Array = new Uint8Array(0)
  /** Rises with each change of the path. */
  version = 0
  readonly #listeners = new Set<() => void>()
  readonly #awaiting = new Set<() => void>()

  constructor(self: Uint8Array) {
    this.self = self
  }

  /** A way to the root is known and was not lost since. */
  get isAttached(): boolean {
    return this.#isAttached
  }
  /** It is attached, and what it hangs on is known not to hang on it. */
  get isConfirmed(): boolean {
    return this.#isConfirmed
  }
  /** Ids from the root to this endpoint, both included. */
  get path(): readonly Uint8Array[] {
    return [...this.#above, this.self]
  }
  /** Links from the root to this endpoint. */
  get depth(): number {
    return this.#above.length
  }

  /** Whether that endpoint is this one, or above it. */
  isBelow(id: Uint8Array): boolean {
    return this.path.some(each => equalBytes(each, id))
  }

  /** It is the root of that tree. */
  founded(tree: string, generation: Uint8Array): void {
    this.tree = tree
    this.generation = generation
    this.#isAttached = true
    this.confirmed()
  }

  /** It was made root of the tree that it is in. Whoever is below is told, though the path may be the same. */
  crowned(tree: string, generation: Uint8Array): void {
    this.#above = []
    this.founded(tree, generation)
    this.#changed()
  }

  /** It hangs at the end of that path. */
  attached(above: readonly Uint8Array[], tree: string, generation: Uint8Array): void {
    this.tree = tree
    this.generation = generation
    this.#isAttached = true
    this.#isConfirmed = false
    this.moved(above)
  }

  /** What it hangs on does not hang on it. */
  confirmed(): void {
    this.#isConfirmed = this.#isAttached
    if (!this.#isConfirmed) return
    const waiting = [...this.#awaiting]
    this.#awaiting.clear()
    for (const callback of waiting) callback()
  }

  /** Calls back, once, when that is known (again); what is returned takes that back. */
  onConfirmed(callback: () => void): () => void {
    this.#awaiting.add(callback)
    return () => this.#awaiting.delete(callback)
  }

  /** The path above has changed, or is the same. */
  moved(above: readonly Uint8Array[]): void {
    const before = this.#above
    if (before.length === above.length && before.every((id, i) => equalBytes(id, above[i]!))) return
    this.#above = above.map(id => id.slice())
    this.#changed()
  }

  #changed(): void {
    this.version++
    for (const listener of this.#listeners) listener()
  }

  /** R6: whether the top of this part of the tree lacks authority, so that ordered topics take nothing new. Those below are told. */
  get isReadOnly(): boolean {
    return this.#isReadOnly
  }
  setReadOnly(isReadOnly: boolean): void {
    if (this.#isReadOnly === isReadOnly) return
    this.#isReadOnly = isReadOnly
    this.#changed()
  }

  /** The host above is lost; the path is what it was. */
  detached(): void {
    this.#isAttached = false
    this.#isConfirmed = false
  }

  /** Calls back at each change of the path. */
  onMoved(listener: () => void): void {
    this.#listeners.add(listener)
  }
}

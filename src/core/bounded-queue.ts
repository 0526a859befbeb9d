/** A first-in, first-out queue with a cap and a named policy for when it is full. */
import { ZincError } from "./errors.ts"

/** What a full queue does with one more: refuse it, drop the oldest, or drop the new one. */
export const FullPolicy = { Reject: "reject", DropOldest: "dropOldest", DropNewest: "dropNewest" } as const
export type FullPolicy = (typeof FullPolicy)[keyof typeof FullPolicy]

export interface BoundedQueueOptions {
  /** Most items held at once; a whole number above zero. */
  readonly capacity: number
  readonly whenFull: FullPolicy
}

/** Items sit in a ring that grows by doubling up to the capacity, so an idle queue stays small. */
export class BoundedQueue<T> {
  readonly capacity: number
  readonly whenFull: FullPolicy
  #ring: (T | undefined)[] = new Array(16)
  #head = 0
  #size = 0
  #dropped = 0

  constructor(options: BoundedQueueOptions) {
    if (!(Number.isInteger(options.capacity) && options.capacity > 0)) {
      throw new ZincError("BadOption", `a queue's capacity must be a whole number above zero, not ${options.capacity}`)
    }
    this.capacity = options.capacity
    this.whenFull = options.whenFull
  }

  get size(): number {
    return this.#size
  }
  /** How many items the policy has dropped since the queue was made. */
  get dropped(): number {
    return this.#dropped
  }
  get full(): boolean {
    return this.#size >= this.capacity
  }

  /** False when the item was not taken: refused, or dropped as the newest. */
  push(item: T): boolean {
    if (this.#size >= this.capacity) {
      if (this.whenFull === FullPolicy.Reject) return false
      this.#dropped++
      if (this.whenFull === FullPolicy.DropNewest) return false
      this.shift()
    }
    if (this.#size === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = item
    this.#size++
    return true
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size--
    return item
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#ring[this.#head]
  }

  clear(): void {
    this.#ring = new Array(16)
    this.#head = 0
    this.#size = 0
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = 0; i < this.#size; i++) yield this.#ring[(this.#head + i) & (this.#ring.length - 1)] as T
  }

  #grow(): void {
    const old = this.#ring
    const ring: (T | undefined)[] = new Array(old.length * 2)
    for (let i = 0; i < this.#size; i++) ring[i] = old[(this.#head + i) & (old.length - 1)]
    this.#ring = ring
    this.#head = 0
  }
}

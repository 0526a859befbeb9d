/**
 * The way of one join through a tree: which address is tried next. A host that has no place names others; they are tried
 * before those that were named earlier, so that a joiner goes down one branch before it tries the next. No address is tried
 * twice, and after so many hops it gives up.
 */

/** Hosts that may send a joiner on, one after the other, in one join. */
export const redirectsMax = 8
/** Addresses tried in one join. */
const attemptsMax = 24

export class PlaceSearch {
  readonly first: string
  readonly #tried = new Set<string>()
  /** The nearest to be tried last; each with the hops that lead there. */
  readonly #open: { readonly address: string; readonly hops: number }[] = []
  #hops = 0
  /** Somebody who was named did not answer. */
  #lostSome = false
  /** Somebody who was named answered. */
  #metSome = false

  constructor(first: string) {
    this.first = first
    this.#open.push({ address: first, hops: 0 })
  }

  /** How often it was sent on to come where it is. */
  get hops(): number {
    return this.#hops
  }
  /** Those it was sent on to exist, but not for it: none could be reached. */
  get isStranded(): boolean {
    return this.#lostSome && !this.#metSome
  }

  /** The next address to try; undefined when there is none. */
  next(): string | undefined {
    while (this.#tried.size < attemptsMax) {
      const next = this.#open.pop()
      if (next === undefined) return undefined
      if (this.#tried.has(next.address)) continue
      this.#tried.add(next.address)
      this.#hops = next.hops
      return next.address
    }
    return undefined
  }

  /** The host tried last names others, the best first. Those tried before are left out. */
  sentOn(candidates: readonly string[]): void {
    if (this.#hops > 0) this.#metSome = true
    if (this.#hops >= redirectsMax) return
    for (const address of [...candidates].reverse())
      if (!this.#tried.has(address)) this.#open.push({ address, hops: this.#hops + 1 })
  }

  /** The two addresses that would be tried next, when both were named by the host tried last. */
  get choice(): string[] {
    return this.#open
      .filter(({ address, hops }) => hops === this.#hops + 1 && !this.#tried.has(address))
      .slice(-2)
      .map(({ address }) => address)
      .reverse()
  }

  /** Of those named last, that one is tried next. */
  prefer(address: string): void {
    this.#open.push({ address, hops: this.#hops + 1 })
  }

  /** It was named, but does not answer. */
  lost(address: string): void {
    this.#tried.add(address)
    this.#lostSome = true
  }

  /** The host tried last did not take it; `answered` when it said so itself. */
  failed(answered: boolean): void {
    if (this.#hops === 0) return
    if (answered) this.#metSome = true
    else this.#lostSome = true
  }
}

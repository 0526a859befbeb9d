/**
 * How far a client is certain of what its host published (L6). Each mark is numbered and says up to which publish number
 * it speaks: when all marks up to one have come, every hole up to there is known. Marks may come out of order.
 */

/** Most marks kept that came before an earlier one. */
const aheadMax = 1024

export class MarkTrack {
  /** All marks up to this one have come. Below 0 before a baseline. */
  #through = -1
  #verified = 0
  #seen = 0
  /** Marks that came before an earlier one: their publish numbers. */
  readonly #ahead = new Map<number, number>()

  /** The highest mark that ever came in this numbering: heartbeat replies tell it to the host. */
  get seen(): number {
    return this.#seen
  }
  /** Up to this publish number every hole is known. */
  get verified(): number {
    return this.#verified
  }
  /** There has been no baseline on this link. */
  get isUnset(): boolean {
    return this.#through < 0
  }

  /** A mark came, of use or not. */
  see(mark: number): void {
    if (mark > this.#seen) this.#seen = mark
  }

  /** Whether that mark is news: those before the baseline are not, and those that came already. */
  isNew(mark: number): boolean {
    return this.#through >= 0 && mark > this.#through
  }

  /** A conflated mark stands for those before it. */
  cover(mark: number): void {
    this.#through = mark - 1
  }

  /** The holes that this mark shows are noted; it speaks of all up to `published`. */
  take(mark: number, published: number): void {
    this.#ahead.set(mark, published)
    for (;;) {
      const next = this.#ahead.get(this.#through + 1)
      if (next === undefined) break
      this.#ahead.delete(++this.#through)
      this.#verified = Math.max(this.#verified, next)
    }
    if (this.#ahead.size > aheadMax) this.#ahead.delete(this.#ahead.keys().next().value as number)
  }

  /** A baseline: it stands for all marks up to that one. */
  begin(mark: number, published: number): void {
    this.#through = mark
    this.#verified = published
  }

  /** The link is new: nothing is certain beyond `verified` until a baseline. */
  unset(): void {
    this.#through = -1
    this.#ahead.clear()
  }

  /** The host numbers its marks to us anew. */
  forgetSeen(): void {
    this.#seen = 0
  }
}

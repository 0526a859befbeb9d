/** A host's document does not grow past its limit; it is measured when what came since may have taken it there. */
export class SizeLimit {
  readonly #maxBytes: number
  readonly #measure: () => number
  readonly #onFull: (bytes: number) => void
  #guess: number
  #full = false

  /** `bytes`: what it is at first. `measure`: octets of its state, which costs as much as writing it. */
  constructor(bytes: number, maxBytes: number, measure: () => number, onFull: (bytes: number) => void) {
    this.#guess = bytes
    this.#maxBytes = maxBytes
    this.#measure = measure
    this.#onFull = onFull
  }

  /** Past the limit: nothing more is taken in. */
  get full(): boolean {
    return this.#full
  }

  /** These were taken in. */
  add(fragments: readonly Uint8Array[]): void {
    for (const fragment of fragments) this.#guess += fragment.length
    if (this.#guess <= this.#maxBytes) return
    const bytes = this.#measure()
    // What deletions freed counts again only slowly, so that a document near its limit is not measured at each fragment.
    this.#guess = Math.max(bytes, this.#maxBytes * 0.9)
    if (bytes <= this.#maxBytes) return
    this.#full = true
    this.#onFull(bytes)
  }
}

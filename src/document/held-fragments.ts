/** Fragments that wait for the end of an exchange: without what the exchange brings they might not apply. */

/** Past this they are dropped, and the exchange is made again. */
const heldBytesMax = 8 * 1024 * 1024

export class HeldFragments {
  #fragments: Uint8Array[] = []
  #bytes = 0

  get none(): boolean {
    return this.#fragments.length === 0
  }

  /** False: there were too many, all are dropped, and another exchange has to bring them. */
  hold(fragments: readonly Uint8Array[]): boolean {
    for (const fragment of fragments) {
      this.#fragments.push(fragment)
      this.#bytes += fragment.length
    }
    if (this.#bytes <= heldBytesMax) return true
    this.letGo()
    return false
  }

  /** All of them, in the order they came; none is held afterwards. */
  take(): Uint8Array[] {
    const held = this.#fragments
    this.letGo()
    return held
  }

  letGo(): void {
    this.#fragments = []
    this.#bytes = 0
  }
}

/**
 * How often in a row a host took us and the link did not live for long, by the address it was dialled at (L10), or all
 * together where there are no voters. A host that takes and drops us is to be left in peace for a while; one that is lost
 * for the first time is not to blame for what the hosts before it did, as when one root after the other is killed.
 */

/** A link that lived so long was no flap, in milliseconds. */
const steadyMs = 1000
/** Addresses remembered; beyond them the one that was lost longest ago is forgotten. */
const addressesMax = 32

export class Flaps {
  readonly #counts = new Map<string, number>()

  /** That link has ended after so long. Returns how many to that address have now ended so soon, one after the other. */
  ended(address: string, livedMs: number): number {
    const count = livedMs < steadyMs ? (this.#counts.get(address) ?? 0) + 1 : 0
    this.#counts.delete(address)
    if (count > 0) this.#counts.set(address, count)
    if (this.#counts.size > addressesMax) this.#counts.delete(this.#counts.keys().next().value as string)
    return count
  }

  clear(): void {
    this.#counts.clear()
  }
}

/** Somebody to keep a link to: a voter whose id is known, or an address where one is expected. When to dial it again. */
import { DialOutcome } from "../election/index.ts"
import type { VoterId } from "../election/root-record.ts"
import type { VoterLink } from "./voter-link.ts"
import { sameAddresses } from "./voter-place.ts"

/** Between two dials in vain, at least and at most, in milliseconds. */
export const redialMinMs = 50
export const redialMaxMs: number = 1000
/** Nobody answered where a voter was: for so long it is taken elsewhere without another look. */
const movedMs = 5000
/** How long the voter with the higher id waits for the other to dial. */
const courtesyMs = 500

export class VoterContact {
  readonly voterId: VoterId | undefined
  addresses: readonly string[]
  /** The newest is used. */
  readonly links: VoterLink[] = []
  /** Of a seed's address: who was found there. */
  foundAs: VoterId | undefined
  dialling = false
  #failures = 0
  #notBefore: number
  #moved: { readonly to: readonly string[]; readonly until: number } | undefined

  constructor(voterId: VoterId | undefined, addresses: readonly string[], now: number) {
    this.voterId = voterId
    this.addresses = addresses
    this.#notBefore = now
  }

  get link(): VoterLink | undefined {
    return this.links.at(-1)
  }

  /** Whether it is to be dialled now. */
  isDue(now: number): boolean {
    return this.links.length === 0 && !this.dialling && now >= this.#notBefore
  }

  /** The last link was lost. The voter with the lower id dials at once, the other gives it a moment. */
  lost(now: number, weDial: boolean): void {
    this.#failures = 0
    this.#notBefore = weDial ? now : now + courtesyMs
  }

  /** A dial has ended. `chance` in [0, 1). */
  dialled(outcome: DialOutcome, now: number, chance: number): void {
    // One that was taken leads to a link, or is over by then.
    if (outcome === DialOutcome.Open) {
      this.#notBefore = Math.max(this.#notBefore, now + redialMaxMs)
      return
    }
    const wait = Math.min(redialMaxMs, redialMinMs * 2 ** this.#failures++)
    this.#notBefore = now + wait * (0.75 + chance / 4)
  }

  /** Nobody answers where it was. Whoever calls from there may have lost patience by now, and calls again. */
  movedTo(addresses: readonly string[], now: number): void {
    this.#moved = { to: addresses, until: now + movedMs }
  }

  hasMovedTo(addresses: readonly string[], now: number): boolean {
    return this.#moved !== undefined && now < this.#moved.until && sameAddresses(this.#moved.to, addresses)
  }

  opened(): void {
    this.#failures = 0
  }
}

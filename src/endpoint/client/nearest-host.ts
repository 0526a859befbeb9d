/**
 * Which of two hosts a joiner that may choose goes to: both are dialled and probed at once, and the nearer one's control
 * connection is the one that is joined by.
 */
import type { Clock } from "../../core/clock.ts"
import type { Random } from "../../core/random.ts"
import { distanceTo, nearestOf } from "./distance.ts"
import type { Legs } from "./legs.ts"
import type { PlaceSearch } from "./place-search.ts"

export interface NearestHostOptions {
  readonly clock: Clock
  readonly random: Random
  readonly newLegs: (address: string) => Legs
}

export class NearestHost {
  readonly #o: NearestHostOptions
  #probing: readonly Legs[] = []

  constructor(options: NearestHostOptions) {
    this.#o = options
  }

  /** The distance of that host is being measured. */
  isProbing(legs: Legs): boolean {
    return this.#probing.includes(legs)
  }

  /**
   * Measures the way to the two hosts that would be tried next, and makes the nearer one the next: its control connection
   * stands already. Undefined when there is no choice, neither answers, or the signal has ended it.
   */
  async next(search: PlaceSearch, signal: AbortSignal | undefined): Promise<Legs | undefined> {
    const { clock, random, newLegs } = this.#o
    const addresses = search.choice
    if (addresses.length < 2 || signal?.aborted) return undefined
    const probed = addresses.map(newLegs)
    const onAbort = () => {
      for (const legs of probed) legs.fail(new Error("the join was aborted"))
    }
    signal?.addEventListener("abort", onAbort, { once: true })
    this.#probing = probed
    const answers = await Promise.all(
      probed.map(legs =>
        distanceTo(legs, clock, random).then(
          distanceMs => ({ legs, distanceMs }),
          () => undefined,
        ),
      ),
    )
    signal?.removeEventListener("abort", onAbort)
    this.#probing = []
    const best = nearestOf(answers.filter(answer => answer !== undefined))?.legs
    for (const [i, legs] of probed.entries()) {
      if (legs !== best) legs.drop()
      if (answers[i] === undefined) search.lost(legs.address)
    }
    if (best !== undefined) search.prefer(best.address)
    return best
  }

  /** Whoever is being probed is let go. */
  end(error: Error): void {
    for (const legs of this.#probing) legs.fail(error)
  }
}

/**
 * Make before break (T1): an endpoint joins another host while the present one delivers, and leaves the present one only
 * when all that it said has come from the other too.
 */
import type { Clock } from "../../core/clock.ts"
import { asZincError, ZincError } from "../../core/errors.ts"
import { type Accept, encodeControl } from "../../message/control.ts"
import type { Step } from "./candidates.ts"
import { Redirected, tooLate } from "./join-outcome.ts"
import type { JoinWay } from "./join-way.ts"
import type { Legs } from "./legs.ts"
import { redirectsMax } from "./place-search.ts"

export interface MoveOptions {
  readonly clock: Clock
  readonly joinTimeoutMs: number
  readonly newLegs: (address: string) => Legs
  /** Says JOIN to the host of these legs. */
  readonly sayJoin: (legs: Legs, way: JoinWay) => void
  /** Those of the present link; undefined when there is none that delivers. */
  readonly present: () => Legs | undefined
  /** These are the present link's, even while the host says goodbye. */
  readonly isPresent: (legs: Legs) => boolean
  /** From now on these are the present link's. A throw leaves all as it was. */
  readonly take: (accept: Accept, legs: Legs, reason: string) => void
  /** Resolves when the baseline of the new host has come. */
  readonly settled: (legs: Legs) => Promise<void>
  readonly onUp: (legs: Legs) => void
  /** Resolves when what the new host has passed on has come, or has had its time. */
  readonly caughtUp: () => Promise<void>
  /** The present host is left before the new one has told what it has (rule T1 left out). Default false. */
  readonly hasty?: boolean
  /** These are the present link's, and it is lost. */
  readonly onLost: (error: ZincError) => void
}

/** How long a connection outlives our LEAVE, for the LEAVE to go out. */
const leaveMs = 1000

export class Move {
  readonly #o: MoveOptions
  /** The link that is being made while the present one delivers; and the one before, while it still does. */
  #next: Legs | undefined
  #former: Legs | undefined

  constructor(options: MoveOptions) {
    this.#o = options
  }

  /** That link is being made while another delivers. */
  isNext(legs: Legs): boolean {
    return this.#next === legs
  }
  /** That link delivers beside the present one, until it is left. */
  isFormer(legs: Legs): boolean {
    return this.#former === legs
  }

  /** Joins the host of that step. Rejects when it does not take us; then nothing has changed. */
  async to(step: Step, reason: string): Promise<void> {
    if (this.#o.present() === undefined || this.#next !== undefined || this.#former !== undefined)
      throw new ZincError("Refused", "this is no time to move", { retryable: true })
    const addresses = [step.address]
    for (let redirects = 0; ; redirects++) {
      try {
        await this.#toAddress(addresses[redirects]!, { redirects, settle: false, step }, reason)
        return
      } catch (thrown) {
        if (thrown instanceof Redirected) addresses.push(...thrown.candidates.slice(0, 4))
        if (addresses.length <= redirects + 1 || redirects >= redirectsMax || this.#o.present() === undefined)
          throw thrown
      }
    }
  }

  async #toAddress(address: string, way: JoinWay, reason: string): Promise<void> {
    const { clock } = this.#o
    let former: Legs | undefined
    const legs = this.#o.newLegs(address)
    this.#next = legs
    const timeoutMs = Math.min(this.#o.joinTimeoutMs, way.step?.timeoutMs ?? Number.POSITIVE_INFINITY)
    const timer = clock.after(timeoutMs, () => legs.fail(tooLate(`no answer to the join at ${address}`, timeoutMs)))
    try {
      await legs.connect()
      this.#o.sayJoin(legs, way)
      const accept = await legs.accepted.promise
      legs.accept = accept
      await Promise.all([legs.dial("subscriber"), legs.dial("pusher")])
      former = this.#o.present()
      if (legs.lost !== undefined) throw legs.lost
      if (former === undefined)
        throw new ZincError("PeerLost", "the host was lost on the way to another", { retryable: true })
      this.#next = undefined
      this.#former = former
      this.#o.take(accept, legs, reason)
      if (this.#o.hasty === true) this.#leaveFormer(reason)
      await this.#o.settled(legs)
      timer.cancel()
      this.#o.onUp(legs)
    } catch (thrown) {
      timer.cancel()
      if (this.#next === legs) this.#next = undefined
      if (this.#o.isPresent(legs)) this.#o.onLost(asZincError(legs.lost ?? thrown))
      else {
        if (former !== undefined && this.#former === former) this.#former = undefined
        legs.drop()
      }
      throw legs.lost ?? thrown
    }
    await this.#o.caughtUp()
    this.#leaveFormer(reason)
  }

  #leaveFormer(reason: string): void {
    const former = this.#former
    this.#former = undefined
    if (former === undefined) return
    former.dealer.send([encodeControl({ case: "leave", value: { code: "Moved", reason, retryAfterMs: 0 } })])
    void former.dealer.close({ lingerMs: leaveMs })
    former.subscriber?.abort()
    former.pusher?.abort()
  }

  /** The present link is lost, or let go: so are the one that was being made and the one before. */
  end(error: Error): void {
    this.#next?.fail(error)
    this.#former?.drop()
    this.#former = undefined
  }
}

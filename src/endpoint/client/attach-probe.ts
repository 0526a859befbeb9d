/**
 * Whether a relay that has a new link hangs on itself (DESIGN §7). Two relays that lose their hosts at once may each be
 * taken below the other, since the path that a host knows is old by the time it takes to tell of a change. So each asks: a
 * token goes up from host to host, and whoever has no host above sends it back. In a loop it comes back from below instead.
 * Whichever of the links was the last to come up, its probe finds all of them there. Until the answer is here, what the
 * subtree sends up waits, and nobody new is taken.
 */
import { equalBytes } from "../../core/bytes.ts"
import type { Clock } from "../../core/clock.ts"
import type { Random } from "../../core/random.ts"

export interface AttachProbeOptions {
  readonly clock: Clock
  readonly random: Random
  readonly ask: (token: Uint8Array) => void
  /** The answer is here: there is no loop. */
  readonly onConfirmed: () => void
}

export class AttachProbe {
  readonly #o: AttachProbeOptions
  #token: Uint8Array | undefined
  #askedAt = 0
  #roundTripMs: number | undefined

  constructor(options: AttachProbeOptions) {
    this.#o = options
  }

  /** An answer is awaited. */
  get isOpen(): boolean {
    return this.#token !== undefined
  }
  /** Of the last probe, to the top of the tree and back; undefined before the first. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs
  }

  /** The link is up. */
  begin(): void {
    this.#token = this.#o.random.bytes(16)
    this.#ask(this.#token)
  }

  /** The link is no more. */
  end(): void {
    this.#token = undefined
  }

  /** A heartbeat has passed: a probe that was lost on the way is sent again. */
  tick(): void {
    if (this.#token !== undefined) this.#ask(this.#token)
  }

  /** It is the one that is under way. */
  isOwn(token: Uint8Array): boolean {
    return this.#token !== undefined && equalBytes(token, this.#token)
  }

  answered(token: Uint8Array): void {
    if (!this.isOwn(token)) return
    this.#token = undefined
    this.#roundTripMs = this.#o.clock.now() - this.#askedAt
    this.#o.onConfirmed()
  }

  #ask(token: Uint8Array): void {
    this.#askedAt = this.#o.clock.now()
    this.#o.ask(token)
  }
}

/**
 * Whether a service answers, judged by our own monotonic clock: what counts is when the youngest request that was answered
 * had been *sent*. A reply that was long under way proves nothing about now, and sockets and client libraries stay
 * content while a paused server says nothing at all.
 */
import type { Clock, Timer } from "../core/clock.ts"

export interface ContactOptions {
  readonly clock: Clock
  /** Contact ends this long after the sending of the youngest answered request. */
  readonly silenceMs: number
  /** Ask the service anything now; called four times per `silenceMs`. */
  probe(): void
  /** The judgement changed. */
  changed(connected: boolean, reason: string): void
  /** The service has been silent through a whole `silenceMs` in which our own event loop ran: give up its connection. */
  lost(): void
}

export class ContactTrack {
  readonly #options: ContactOptions
  readonly #timer: Timer
  readonly #tickMs: number
  #knownAt = Number.NEGATIVE_INFINITY
  #told = false
  #lastTick: number
  #judgeFrom: number

  constructor(options: ContactOptions) {
    this.#options = options
    const { clock, silenceMs } = options
    this.#tickMs = silenceMs / 4
    this.#lastTick = clock.now()
    this.#judgeFrom = this.#lastTick + silenceMs
    this.#timer = clock.every(this.#tickMs, () => this.#tick())
  }

  /** Right at any time, however late timers are. */
  get connected(): boolean {
    return this.#options.clock.now() - this.#knownAt <= this.#options.silenceMs
  }

  /** When the youngest answered request was sent; -Infinity before the first. */
  get knownAt(): number {
    return this.#knownAt
  }

  /** An answer came to what was sent at `sentAt`. */
  answered(sentAt: number): void {
    if (sentAt > this.#knownAt) this.#knownAt = sentAt
    this.#tell("it answered")
  }

  /** A connection begins: it has a whole period to answer. */
  began(): void {
    this.#judgeFrom = this.#options.clock.now() + this.#options.silenceMs
  }

  stop(): void {
    this.#timer.cancel()
  }

  #tick(): void {
    const { clock, silenceMs } = this.#options
    const now = clock.now()
    // Our own loop stood still: answers may lie unread in the socket. Whoever acts on contact sees the truth all the same.
    if (now - this.#lastTick > 2 * this.#tickMs) this.#judgeFrom = now + silenceMs
    this.#lastTick = now
    this.#tell(`no answer to anything sent in the last ${Math.round(silenceMs)} ms`)
    if (!this.connected && now >= this.#judgeFrom) {
      this.began()
      this.#options.lost()
    }
    this.#options.probe()
  }

  #tell(reason: string): void {
    const { connected } = this
    if (connected === this.#told) return
    this.#told = connected
    this.#options.changed(connected, reason)
  }
}

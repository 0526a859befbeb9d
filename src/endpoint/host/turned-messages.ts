/**
 * Direct messages whose way down has ended, and that turn up to find another. Where there is no room above they wait for
 * it, in their order. At the root, above which there is nothing, they wait for a while until whom they are for is found
 * elsewhere in the tree: a relay that was cut off comes back with all below it, and may do so at another host.
 */
import { equalBytes } from "../../core/bytes.ts"
import type { Clock, Timer } from "../../core/clock.ts"

export interface TurnedMessage {
  readonly target: Uint8Array
  readonly header: Uint8Array
  readonly payload: Uint8Array
}

export interface TurnedMessagesOptions {
  readonly clock: Clock
  /** How long the root keeps one. */
  readonly keptMs: number
  /** Sends it towards whom it is for; false when that is nobody below. */
  readonly down: (message: TurnedMessage) => boolean
  /** Sends it to the host above; false when there is no room, or no such. */
  readonly up: (message: TurnedMessage) => boolean
  /** Calls back, once, when there may be room above; undefined where nothing is above. */
  readonly onRoom: ((callback: () => void) => void) | undefined
}

/** Messages that wait, and their octets; what is more goes the way of all that is lost with a host. */
const waitingMax = 1024
const waitingBytesMax = 8 * 1024 * 1024

export class TurnedMessages {
  readonly #o: TurnedMessagesOptions
  #waiting: (TurnedMessage & { readonly at: number })[] = []
  #bytes = 0
  #timer: Timer | undefined

  constructor(options: TurnedMessagesOptions) {
    this.#o = options
  }

  /** None waits: later ones may go at once. */
  get none(): boolean {
    return this.#waiting.length === 0
  }

  /** Sends it up, or keeps it until it can be. The octets are the callee's from now on. */
  take(message: TurnedMessage): void {
    const { clock, up, onRoom } = this.#o
    if (this.none && up(message)) return
    const bytes = message.header.length + message.payload.length
    if (this.#waiting.length >= waitingMax || this.#bytes + bytes > waitingBytesMax) return
    this.#waiting.push({ ...message, at: clock.now() })
    this.#bytes += bytes
    if (this.#waiting.length > 1) return
    if (onRoom === undefined) this.#expireLater()
    else onRoom(() => this.#onRoom())
  }

  /** Whom they are for may be below now. */
  found(target: Uint8Array): void {
    if (this.none || this.#o.onRoom !== undefined) return
    this.#keep(this.#waiting.filter(message => !equalBytes(message.target, target) || !this.#o.down(message)))
  }

  #onRoom(): void {
    const waiting = this.#waiting
    let sent = 0
    while (sent < waiting.length && this.#o.up(waiting[sent]!)) sent++
    this.#keep(waiting.slice(sent))
    if (!this.none) this.#o.onRoom!(() => this.#onRoom())
  }

  #expireLater(): void {
    const { clock, keptMs } = this.#o
    this.#timer ??= clock.after(keptMs, () => {
      this.#timer = undefined
      this.#keep(this.#waiting.filter(({ at }) => clock.now() - at < keptMs))
      if (!this.none) this.#expireLater()
    })
  }

  #keep(waiting: (TurnedMessage & { readonly at: number })[]): void {
    this.#waiting = waiting
    this.#bytes = waiting.reduce((sum, { header, payload }) => sum + header.length + payload.length, 0)
  }
}

/**
 * Direct messages at a new root: whom they are for may not have come over from the old one yet. They are kept for a while
 * and tried again; then their senders are told.
 */
import type { Clock, Timer } from "../core/clock.ts"
import { readExtensions } from "../message/extension.ts"
import { At, Flag } from "../message/header.ts"
import { Frame } from "./frame.ts"

export interface LateDirectsOptions {
  readonly clock: Clock
  /** Sends towards an endpoint below. False when nobody here knows it. */
  readonly send: (target: Uint8Array, header: Uint8Array, payload: Uint8Array) => boolean
  readonly undeliverable: (news: {
    readonly target: Uint8Array
    readonly sequence: bigint
    readonly correlation: bigint
    readonly code: string
    readonly origin: Uint8Array
  }) => void
}

/** How long after a promotion they are kept, how many at most, and how often they are tried. */
const keptMs = 2000
const keptMax = 1000
const againMs = 50

interface Late {
  readonly target: Uint8Array
  readonly header: Uint8Array
  readonly payload: Uint8Array
}

export class LateDirects {
  readonly #o: LateDirectsOptions
  readonly #until: number
  #waiting: Late[] = []
  #timer: Timer | undefined
  #ended = false

  constructor(options: LateDirectsOptions) {
    this.#o = options
    this.#until = options.clock.now() + keptMs
  }

  /** The header is the callee's from now on. */
  take(header: Uint8Array, payload: Uint8Array): void {
    header[At.Flags]! &= ~(Flag.Up | Flag.Again | Flag.Prompt)
    const { target } = readExtensions(header)
    if (target === undefined) return
    const late: Late = { target: target.slice(), header, payload }
    // Those for the same endpoint stay in order.
    if (this.#waiting.length === 0 && this.#send(late)) return
    if (this.#o.clock.now() >= this.#until || this.#waiting.length >= keptMax) {
      if (!this.#send(late)) this.#giveUp(late)
      return
    }
    this.#waiting.push({ ...late, payload: payload.slice() })
    this.#timer ??= this.#o.clock.every(againMs, () => this.#again())
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
    this.#waiting = []
  }

  #send({ target, header, payload }: Late): boolean {
    return this.#o.send(target, header, payload)
  }

  #again(): void {
    const isOver = this.#o.clock.now() >= this.#until
    const waiting = this.#waiting
    this.#waiting = []
    for (const late of waiting) {
      if (this.#ended) return
      if (this.#send(late)) continue
      if (isOver) this.#giveUp(late)
      else this.#waiting.push(late)
    }
    if (this.#waiting.length > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #giveUp({ target, header }: Late): void {
    this.#o.undeliverable({
      target,
      sequence: BigInt(Frame.over(header, header).sequence),
      correlation: BigInt(readExtensions(header).correlation ?? 0),
      code: "NoSuchEndpoint",
      origin: header.slice(At.Origin, At.Origin + 16),
    })
  }
}

/**
 * Is the peer alive? After a silence a PING goes out, and if that brings no sign of life either, the peer is lost.
 * Whatever it sends counts as life (H2). While we ourselves do not read from it, it is not judged (H5); but PINGs go
 * on, since its own are not answered then and ours are what shows it that we live.
 */
import type { Clock, Timer } from "../core/clock.ts"
import { ZincError } from "../core/errors.ts"

export interface HeartbeatOptions {
  /** Silence after which to ask. */
  readonly intervalMs: number
  /** How long to wait for any sign of life then. */
  readonly timeoutMs: number
  /**
   * What our PINGs tell the peer: to give us up when it has heard nothing for this long after one. In tenths of a second,
   * 65.5 s at most. Default 0: nothing, the peer goes by its own settings.
   */
  readonly ttlMs?: number
}

export class Heartbeat {
  readonly #clock: Clock
  readonly #options: HeartbeatOptions | undefined
  readonly #ask: () => void
  readonly #lost: (error: ZincError) => void
  #heardAt: number
  /** When we asked, while no answer has come. */
  #askedAt: number | undefined
  #paused = false
  #stopped = false
  #timer: Timer | undefined
  #peerTimer: Timer | undefined

  /** Without options the peer is never asked, but its own demand (`expectWithin`) is kept. */
  constructor(
    clock: Clock,
    options: HeartbeatOptions | undefined,
    effects: { readonly ask: () => void; readonly lost: (error: ZincError) => void },
  ) {
    this.#clock = clock
    this.#options = options
    this.#ask = effects.ask
    this.#lost = effects.lost
    this.#heardAt = clock.now()
    if (options !== undefined) this.#wait(options.intervalMs)
  }

  /** Something came. */
  heard(): void {
    if (this.#options !== undefined) {
      this.#heardAt = this.#clock.now()
      if (this.#askedAt !== undefined) this.#answered()
    }
    if (this.#peerTimer !== undefined) {
      this.#peerTimer.cancel()
      this.#peerTimer = undefined
    }
  }

  /** The peer says (in its PING) that it will be heard again within this time, or is gone. */
  expectWithin(ttlMs: number): void {
    this.#peerTimer?.cancel()
    const timer = this.#clock.after(ttlMs, () => {
      if (this.#paused) this.expectWithin(ttlMs)
      else this.#judge(() => this.#peerTimer === timer, `it was silent for the ${ttlMs} ms it had promised at most`)
    })
    this.#peerTimer = timer
  }

  pause(): void {
    this.#paused = true
  }
  resume(): void {
    this.#paused = false
    if (this.#options !== undefined) {
      this.#heardAt = this.#clock.now()
      if (this.#askedAt !== undefined) this.#answered()
    }
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#peerTimer?.cancel()
  }

  /** The time-out ends, and the next silence begins. */
  #answered(): void {
    this.#askedAt = undefined
    this.#timer?.cancel()
    this.#wait(this.#options!.intervalMs)
  }

  #wait(ms: number): void {
    this.#timer = this.#clock.after(Math.max(1, ms), this.#check)
  }

  readonly #check = (): void => {
    const { intervalMs, timeoutMs } = this.#options!
    const now = this.#clock.now()
    const askedAt = this.#askedAt
    if (this.#paused) {
      this.#ask()
      this.#wait(intervalMs)
    } else if (askedAt !== undefined) {
      const left = askedAt + timeoutMs - now
      const silentMs = Math.round(now - this.#heardAt)
      if (left > 0) this.#wait(left)
      else this.#judge(() => this.#askedAt === askedAt, `no sign of life for ${silentMs} ms, nor an answer to PING`)
    } else {
      const left = this.#heardAt + intervalMs - now
      if (left > 0) {
        this.#wait(left)
        return
      }
      this.#askedAt = now
      this.#ask()
      this.#wait(timeoutMs)
    }
  }

  /** Time is up. But if it was we who stood still, its answer may be here unread; so what is ready is read first. */
  #judge(isSilent: () => boolean, why: string): void {
    this.#clock.later(() => {
      if (this.#stopped || !isSilent()) return
      if (this.#paused) this.#wait(this.#options?.intervalMs ?? 0)
      else this.#lost(new ZincError("PeerLost", why, { retryable: true }))
    })
  }
}

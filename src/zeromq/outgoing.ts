/**
 * Messages on their way out of one socket. What the engine takes at once costs no promise of its own; what it has no room
 * for waits here in order, each with its own time-out. Any number of sends may be under way.
 */
import { systemClock, type Timer } from "../core/clock.ts"
import { type Deferred, deferred } from "../core/deferred.ts"
import { ZincError } from "../core/errors.ts"
import { type CoreSocket, isOutOfTurn, type SendingCore } from "./core-socket.ts"
import { errnoError, translated } from "./errors.ts"
import { type Pace, settled } from "./pace.ts"
import { hold, release } from "./process-end.ts"

interface Waiting {
  readonly frames: readonly Uint8Array[]
  readonly sent: Deferred<void>
  timer: Timer | undefined
}

export class Outgoing {
  readonly #pace: Pace
  readonly #queue: Waiting[] = []
  #core: (CoreSocket & SendingCore) | undefined
  #armed = false

  constructor(pace: Pace) {
    this.#pace = pace
  }

  /** `timeoutMs` as libzmq has it: −1 for ever, 0 not at all. */
  send(core: CoreSocket, frames: readonly Uint8Array[], timeoutMs: number): Promise<void> {
    this.#core = core as CoreSocket & SendingCore
    if (this.#queue.length === 0) {
      try {
        if (this.#offer(frames)) return this.#pace.isDue() ? this.#pace.rest() : settled
      } catch (thrown) {
        return Promise.reject(thrown)
      }
      if (timeoutMs === 0) return Promise.reject(this.#refusal())
    }
    const waiting: Waiting = { frames, sent: deferred<void>(), timer: undefined }
    if (timeoutMs >= 0) waiting.timer = systemClock.after(timeoutMs, () => this.#giveUp(waiting))
    this.#queue.push(waiting)
    hold()
    this.#arm(false)
    return waiting.sent.promise
  }

  /** Whether the engine takes it now, ahead of nobody. */
  offer(core: CoreSocket, frames: readonly Uint8Array[]): boolean {
    this.#core = core as CoreSocket & SendingCore
    return this.#queue.length === 0 && this.#offer(frames)
  }

  /** The socket closes: what waits here will not be sent. */
  close(): void {
    for (const waiting of this.#queue.splice(0)) {
      waiting.timer?.cancel()
      waiting.sent.reject(this.#refusal())
      release()
    }
  }

  #offer(frames: readonly Uint8Array[]): boolean {
    const core = this.#core!
    try {
      return core.send(frames) || core.drops
    } catch (thrown) {
      if (!ZincError.is(thrown)) throw thrown
      // Its turn may come.
      if (thrown.code === "WrongState") return false
      if (thrown.code === "Unreachable") throw errnoError("EHOSTUNREACH", { cause: thrown })
      throw translated(thrown)
    }
  }

  #giveUp(waiting: Waiting): void {
    const at = this.#queue.indexOf(waiting)
    if (at < 0) return
    this.#queue.splice(at, 1)
    release()
    waiting.sent.reject(this.#refusal())
  }

  #refusal(): Error {
    return errnoError(this.#core !== undefined && isOutOfTurn(this.#core, "send") ? "EFSM" : "EAGAIN")
  }

  /** Tries again when there may be room. `inVain`: there was said to be, and was not for the message at hand. */
  #arm(inVain: boolean): void {
    if (this.#armed || this.#core === undefined) return
    this.#armed = true
    void (inVain ? this.#core.nextTurn() : this.#core.drained()).then(() => {
      this.#armed = false
      this.#pump()
    })
  }

  #pump(): void {
    let taken = 0
    for (let waiting = this.#queue[0]; waiting !== undefined; waiting = this.#queue[0]) {
      try {
        if (!this.#offer(waiting.frames)) {
          this.#arm(taken === 0)
          return
        }
        waiting.sent.resolve()
      } catch (thrown) {
        waiting.sent.reject(thrown as Error)
      }
      waiting.timer?.cancel()
      this.#queue.shift()
      release()
      taken++
    }
  }
}

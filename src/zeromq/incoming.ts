/** Messages on their way to the reader of one socket, one receive at a time. */
import { systemClock, type Timer } from "../core/clock.ts"
import { type Deferred, deferred } from "../core/deferred.ts"
import type { ReceivingSocket } from "../transport/zmtp/index.ts"
import { type CoreSocket, isOutOfTurn, isReadable } from "./core-socket.ts"
import { errnoError } from "./errors.ts"
import type { Message } from "./message.ts"
import type { Pace } from "./pace.ts"
import { hold, release } from "./process-end.ts"

export class Incoming {
  readonly #pace: Pace
  #core: (CoreSocket & ReceivingSocket) | undefined
  #waiting: Deferred<Message[]> | undefined
  #timer: Timer | undefined

  constructor(pace: Pace) {
    this.#pace = pace
  }

  /** `timeoutMs` as libzmq has it: −1 for ever, 0 not at all. Throws `EBUSY` while another one waits. */
  receive(core: CoreSocket, timeoutMs: number): Promise<Message[]> {
    if (this.#waiting !== undefined) {
      throw errnoError("EBUSY", {
        message: "Socket is busy reading; only one receive operation may be in progress at any time",
      })
    }
    this.#listen(core)
    const message = this.#take()
    if (message !== undefined) {
      return this.#pace.isDue() ? this.#pace.rest().then(() => message) : Promise.resolve(message)
    }
    if (timeoutMs === 0) return Promise.reject(this.#refusal())
    const waiting = deferred<Message[]>()
    this.#waiting = waiting
    hold()
    if (timeoutMs > 0) this.#timer = systemClock.after(timeoutMs, () => this.close())
    return waiting.promise
  }

  /** A message that is here already. */
  poll(core: CoreSocket): Message[] | undefined {
    this.#listen(core)
    return this.#take()
  }

  /** Nothing will come, or not in time: who waits is told. */
  close(): void {
    const waiting = this.#waiting
    this.#settle()
    waiting?.reject(this.#refusal())
  }

  #listen(core: CoreSocket): void {
    if (this.#core === core) return
    this.#core = core as CoreSocket & ReceivingSocket
    this.#core.onReadable = () => {
      if (this.#waiting === undefined) return
      const message = this.#take()
      if (message === undefined) return
      const waiting = this.#waiting
      this.#settle()
      waiting.resolve(message)
    }
  }

  #take(): Message[] | undefined {
    const core = this.#core!
    if (!isReadable(core)) return undefined
    return core.poll() as Message[] | undefined
  }

  #settle(): void {
    if (this.#waiting !== undefined) release()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#waiting = undefined
  }

  #refusal(): Error {
    return errnoError(this.#core !== undefined && isOutOfTurn(this.#core, "receive") ? "EFSM" : "EAGAIN")
  }
}

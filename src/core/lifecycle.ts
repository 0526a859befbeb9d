/** The four states everything that opens goes through, and the promise that says how it ended. */
import { type Deferred, deferred } from "./deferred.ts"
import { ZincError } from "./errors.ts"

export const State = { Opening: "opening", Open: "open", Closing: "closing", Closed: "closed" } as const
export type State = (typeof State)[keyof typeof State]

/** Why a thing closed: `requested` by its owner, or the error that ended it. */
export interface CloseReason {
  readonly requested: boolean
  readonly error?: ZincError
  /**
   * At an endpoint that was closed: how many of its messages the root of the tree is not known to have, since there was no
   * host, or none that answered in time. Those below or beside it may have some of them. Absent where there are none.
   */
  readonly unacknowledged?: number
}

/** Holds the state; the owner says when to move. Close joins a close in progress. */
export class Lifecycle {
  readonly #what: string
  readonly #closed: Deferred<CloseReason> = deferred<CloseReason>()
  #state: State = State.Opening
  #closing: Promise<void> | undefined

  /** `what` names the thing in errors: "endpoint hub", "router at tcp://…". */
  constructor(what: string) {
    this.#what = what
  }

  get state(): State {
    return this.#state
  }
  get isOpen(): boolean {
    return this.#state === State.Open
  }
  /** Resolves with the reason once closed; never rejects. */
  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  opened(): void {
    if (this.#state === State.Opening) this.#state = State.Open
  }

  /** Throws `Closed` unless open (or opening, when `early` allows). */
  assertOpen(early = false): void {
    if (this.#state === State.Open || (early && this.#state === State.Opening)) return
    throw new ZincError("Closed", `${this.#what} is ${this.#state}; open a new one`)
  }

  /** Runs `work` once, however often close is called; everyone waits for the same end. What it returns is part of the reason. */
  close(
    work: () => Promise<Partial<CloseReason> | void> | void,
    reason: CloseReason = { requested: true },
  ): Promise<void> {
    if (this.#closing === undefined) {
      this.#state = State.Closing
      this.#closing = (async () => {
        let more: Partial<CloseReason> = {}
        try {
          more = (await work()) ?? {}
        } finally {
          this.finished({ ...reason, ...more })
        }
      })()
    }
    return this.#closing
  }

  /** Closed now. The first reason stays. */
  finished(reason: CloseReason): void {
    if (this.#state === State.Closed) return
    this.#state = State.Closed
    this.#closing ??= Promise.resolve()
    this.#closed.resolve(reason)
  }
}

/** Those who wait until something has gone on: they look again at each step. */
import { type Deferred, deferred } from "../core/deferred.ts"
import { ZincError } from "../core/errors.ts"

export class Progress {
  #next: Deferred<void> | undefined

  /** A step forward: whoever waits looks again. */
  step(): void {
    const next = this.#next
    this.#next = undefined
    next?.resolve()
  }

  /** Resolves at the next step. Rejects with `Aborted` when the signal aborts before. */
  async next(signal?: AbortSignal): Promise<void> {
    this.#next ??= deferred()
    await unlessAborted(this.#next.promise, signal)
  }
}

/** The promise, given up with `Aborted` when the signal aborts; what it waits for goes on. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(new ZincError("Aborted", "the wait was aborted", { cause: signal.reason }))
    if (signal.aborted) return onAbort()
    signal.addEventListener("abort", onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort))
  })
}

/** What every adapter checks and says in the same words. */
import { ZincError } from "../core/errors.ts"

export function closedDiscovery(tree: string): ZincError {
  return new ZincError("Closed", `the discovery of "${tree}" is closed; open a new one`)
}

/** Throws `Closed` or `Aborted`. */
export function checkCall(tree: string, closed: boolean, signal: AbortSignal | undefined): void {
  if (closed) throw closedDiscovery(tree)
  if (signal?.aborted) throw aborted(signal)
}

export function cannotAnnounce(place: string): ZincError {
  return new ZincError("Unsupported", `nobody can announce a host in ${place}: whoever keeps that list has to add it`)
}

/** As the promise, but rejects with `Aborted` when the signal aborts first. What was asked may still happen. */
export function heeding<T>(signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(aborted(signal))
    signal.addEventListener("abort", onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort))
  })
}

function aborted(signal: AbortSignal): ZincError {
  return new ZincError("Aborted", "the look for hosts was aborted", { cause: signal.reason })
}

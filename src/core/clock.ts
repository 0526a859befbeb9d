/**
 * Time, handed down from the root of every program. Only this file touches the real clock and timers, so that
 * the simulator can run the same code on virtual time.
 */
import { ZincError } from "./errors.ts"

/** A timer that has been set. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds with fractions; the zero is arbitrary. Never goes back. */
  now(): number
  /** Wall-clock milliseconds since 1970, for people and logs. Never used for decisions. */
  wall(): number
  /** Runs `action` once, `delayMs` from now. */
  after(delayMs: number, action: () => void): Timer
  /** Runs `action` each `intervalMs`, first after one interval. */
  every(intervalMs: number, action: () => void): Timer
  /** Runs `action` when the synchronous work under way is done, before any I/O (a microtask). */
  soon(action: () => void): void
  /** Runs `action` after I/O that is ready now has been served (a turn of the event loop). */
  later(action: () => void): void
}

/** Resolves after `delayMs`; rejects with `Aborted` when the signal aborts first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted)
      return reject(new ZincError("Aborted", "the wait was aborted before it began", { cause: signal.reason }))
    const onAbort = () => {
      timer.cancel()
      reject(new ZincError("Aborted", "the wait was aborted", { cause: signal?.reason }))
    }
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort)
      resolve()
    })
    signal?.addEventListener("abort", onAbort, { once: true })
  })
}

/** Timers of the platform take no longer delay: they would fire at once. 24.8 days. */
const longestMs = 0x7fff_ffff

class SystemClock implements Clock {
  now(): number {
    return performance.now()
  }
  wall(): number {
    return Date.now()
  }
  after(delayMs: number, action: () => void): Timer {
    const handle = setTimeout(action, Math.min(delayMs, longestMs))
    return { cancel: () => clearTimeout(handle) }
  }
  every(intervalMs: number, action: () => void): Timer {
    const handle = setInterval(action, Math.min(intervalMs, longestMs))
    return { cancel: () => clearInterval(handle) }
  }
  soon(action: () => void): void {
    queueMicrotask(action)
  }
  later(action: () => void): void {
    if (typeof setImmediate === "function") setImmediate(action)
    else setTimeout(action, 0)
  }
}

/** The machine's own clock. */
export const systemClock: Clock = new SystemClock()

/**
 * For a library that is a guest in somebody's program: its timers do not keep the process alive, and `soon` comes after
 * everything that only awaits what is settled already, so that a loop of awaits is one piece of work.
 */
class GuestClock extends SystemClock {
  override after(delayMs: number, action: () => void): Timer {
    const handle = setTimeout(action, Math.min(delayMs, longestMs))
    if (typeof handle === "object") handle.unref()
    return { cancel: () => clearTimeout(handle) }
  }
  override every(intervalMs: number, action: () => void): Timer {
    const handle = setInterval(action, Math.min(intervalMs, longestMs))
    if (typeof handle === "object") handle.unref()
    return { cancel: () => clearInterval(handle) }
  }
  override soon(action: () => void): void {
    if (typeof process === "object" && typeof process.nextTick === "function") process.nextTick(action)
    else setTimeout(action, 0)
  }
}

/** The machine's own clock, as guests read it. */
export const guestClock: Clock = new GuestClock()

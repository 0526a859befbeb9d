/** A compare-and-set whose answer may get lost on the way, brought to a certain end. */

import { equalBytes } from "../core/bytes.ts"
import { type Clock, sleep } from "../core/clock.ts"
import { ZincError } from "../core/errors.ts"
import type { Coordinator, HeldRecord } from "./coordinator.ts"
import { encodeRootRecord, type RootRecord } from "./root-record.ts"

export interface ChangeRecordOptions {
  readonly clock: Clock
  /** Ends the attempt with `Aborted`; then nothing is certain. Give one with a time limit. */
  readonly signal: AbortSignal
  /** Between two attempts, in milliseconds. Default 50. */
  readonly pauseMs?: number
  /**
   * How long each of the first attempts may take, in milliseconds; later ones have twice the time of the one before, for a
   * store that is merely slow. Default 500: a store that has just lost its leader keeps a change waiting for much longer
   * than it needs for one that comes when there is a new one.
   */
  readonly attemptMs?: number
}

/** Attempts of the same length. */
const steadyAttempts = 5

/**
 * As `compareAndSet`, and again when it stayed uncertain, until it is certain: resolves when the store holds `next` in place
 * of `expected`, rejects with `Conflict` when it holds anything else. `next` has to be unlike any record somebody else
 * may write, as records of different epochs or roots are.
 */
export async function changeRecord(
  coordinator: Coordinator,
  expected: HeldRecord | undefined,
  next: RootRecord,
  options: ChangeRecordOptions,
): Promise<HeldRecord> {
  const { clock, signal, pauseMs = 50 } = options
  let { attemptMs = 500 } = options
  let uncertain = false
  for (let attempt = 1; ; attempt++) {
    try {
      if (attempt > steadyAttempts) attemptMs *= 2
      return await within(attemptMs, options, limit => coordinator.compareAndSet(expected, next, { signal: limit }))
    } catch (error) {
      if (!ZincError.is(error)) throw error
      // An attempt before this one may be what stands in the way of this one.
      if (error.code === "Conflict" && uncertain) {
        const held = await readSurely(coordinator, options)
        if (held !== undefined && sameRecord(held.record, next)) return held
        throw error
      }
      const cut = error.code === "Aborted" && !signal.aborted
      if (cut || error.code === "Timeout" || error.code === "PeerLost") uncertain = true
      else if (error.code !== "Unreachable") throw error
    }
    await sleep(clock, pauseMs, signal)
  }
}

/** Runs the call with a signal that aborts after that time, or with the caller's. */
async function within<T>(
  limitMs: number,
  { clock, signal }: ChangeRecordOptions,
  call: (limit: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController()
  const stop = () => limit.abort(signal.reason)
  const timer = clock.after(limitMs, () => limit.abort())
  signal.addEventListener("abort", stop, { once: true })
  if (signal.aborted) stop()
  try {
    return await call(limit.signal)
  } finally {
    timer.cancel()
    signal.removeEventListener("abort", stop)
  }
}

async function readSurely(coordinator: Coordinator, options: ChangeRecordOptions): Promise<HeldRecord | undefined> {
  const { clock, signal, pauseMs = 50 } = options
  for (;;) {
    try {
      return await coordinator.read({ signal })
    } catch (error) {
      if (!ZincError.is(error) || !["Timeout", "PeerLost", "Unreachable"].includes(error.code)) throw error
    }
    await sleep(clock, pauseMs, signal)
  }
}

/** Whether the two say the same, also in what a later Zinc added. */
export function sameRecord(a: RootRecord, b: RootRecord): boolean {
  return equalBytes(encodeRootRecord(a), encodeRootRecord(b))
}

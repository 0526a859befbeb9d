/** The times that every client of an external service has, their defaults, and their limits. */
import { ZincError } from "../core/errors.ts"

export interface ServiceTimes {
  /** How long one call may take, connecting included, in milliseconds. Default 2,000; 50 – 60,000. */
  readonly timeoutMs?: number
  /**
   * Contact counts as lost this long after the sending of the youngest request that was answered, in milliseconds; it is
   * asked four times as often. Then another server is tried. Default 1,500; 100 – 60,000.
   */
  readonly silenceMs?: number
}

export const timeoutDefaultMs: number = 2_000
export const silenceDefaultMs: number = 1_500

/** With the defaults filled in. Throws `BadOption`. */
export function checkedTimes(times: ServiceTimes): Required<ServiceTimes> {
  const { timeoutMs = timeoutDefaultMs, silenceMs = silenceDefaultMs } = times
  checkMilliseconds("timeoutMs", timeoutMs, 50, 60_000)
  checkMilliseconds("silenceMs", silenceMs, 100, 60_000)
  return { timeoutMs, silenceMs }
}

export function checkMilliseconds(name: string, value: unknown, least: number, most: number): void {
  if (typeof value === "number" && value >= least && value <= most) return
  throw new ZincError("BadOption", `${name} is ${least} to ${most} milliseconds, not ${String(value)}`)
}

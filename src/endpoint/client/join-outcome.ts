/** How an attempt to join can end without a place: what is thrown, and which of it ends the trying. */
import { ZincError } from "../../core/errors.ts"

/** The host has no place, and named others. */
export class Redirected extends Error {
  readonly candidates: readonly string[]
  constructor(candidates: readonly string[]) {
    super(`sent on to ${candidates.join(", ")}`)
    this.candidates = candidates
  }
}

/** The host takes on others first; our turn is after `turnMs`. */
export class HostBusy extends ZincError {
  readonly turnMs: number
  constructor(reason: string, turnMs: number) {
    super("Full", reason, { retryable: true, retryAfterMs: turnMs })
    this.turnMs = turnMs
  }
}

export function tooLate(what: string, joinTimeoutMs: number, cause?: unknown): ZincError {
  return new ZincError(
    "Timeout",
    `${what} within ${joinTimeoutMs} ms; check that a Zinc host runs there and no firewall is between (zinc doctor does), or raise joinTimeoutMs`,
    { retryable: true, ...(cause === undefined ? {} : { cause }) },
  )
}

/** Trying again would end the same way. */
export function isFinal(thrown: unknown): boolean {
  return (
    ZincError.is(thrown) &&
    !thrown.retryable &&
    ["Unauthorized", "VersionMismatch", "Refused", "BadAddress", "BadOption"].includes(thrown.code)
  )
}

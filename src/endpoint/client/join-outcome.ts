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

/** Failures that are told in full; of those beyond only how many there are. */
const failuresTold = 8

/** Why no address led to a host: what the last one said decides the code, and the words are those of all. */
export function joinFailure(failures: readonly ZincError[]): ZincError {
  const last = failures.at(-1)
  if (last === undefined) return new ZincError("BadOption", "there is no address to join")
  if (failures.length === 1 || last.code === "Aborted") return last
  const said = [...new Set(failures.map(({ message }) => message))]
  if (said.length === 1) return last
  const told = said.slice(0, failuresTold).join("; ")
  const more = said.length > failuresTold ? `; and ${said.length - failuresTold} more` : ""
  return new ZincError(last.code, `none of ${failures.length} addresses led to a host: ${told}${more}`, {
    retryable: last.retryable,
    cause: last,
    ...(last.retryAfterMs === undefined ? {} : { retryAfterMs: last.retryAfterMs }),
  })
}

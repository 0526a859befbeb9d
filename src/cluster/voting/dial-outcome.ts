/** What a failed dial proves (R4), and how people are told of it. */
import { messageOf } from "../../core/errors.ts"
import { DialOutcome } from "../election/index.ts"

/** How deep causes are looked into. */
const depthMax = 5

/**
 * `Refused` only where the system itself said that nothing listens (ECONNREFUSED). Anything else, such as no route, no such
 * path, a handshake that broke off, or no answer in time, proves nothing.
 */
export function outcomeOfFailedDial(thrown: unknown): DialOutcome {
  let at: unknown = thrown
  for (let depth = 0; depth < depthMax && typeof at === "object" && at !== null; depth++) {
    const { code, cause, errors } = at as { code?: unknown; cause?: unknown; errors?: unknown }
    if (code === "ECONNREFUSED") return DialOutcome.Refused
    // A name with several addresses: each of them has to refuse.
    if (Array.isArray(errors) && errors.length > 0)
      return errors.every(each => outcomeOfFailedDial(each) === DialOutcome.Refused)
        ? DialOutcome.Refused
        : DialOutcome.Failed
    at = cause
  }
  return DialOutcome.Failed
}

/** What the system called it, as ECONNREFUSED; else the message of what was thrown. */
export function causeOfFailedDial(thrown: unknown): string {
  let at: unknown = thrown
  for (let depth = 0; depth < depthMax && typeof at === "object" && at !== null; depth++) {
    const { code, cause, errors } = at as { code?: unknown; cause?: unknown; errors?: unknown }
    if (typeof code === "string" && /^E[A-Z_]+$/.test(code)) return code
    at = Array.isArray(errors) && errors.length > 0 ? errors[0] : cause
  }
  return messageOf(thrown)
}

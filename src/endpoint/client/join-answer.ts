/** What a host can answer to a JOIN, and what becomes of the attempt: it goes on, waits its turn, is sent on, or fails. */
import { type ErrorCode, ZincError } from "../../core/errors.ts"
import type { Redirect, Refuse } from "../../message/control.ts"
import type { Attachment } from "./attachment.ts"
import type { Legs } from "./legs.ts"

/** Hosts of one REDIRECT that are looked at, and the length of their addresses. */
const candidatesMax = 16
const addressCharactersMax = 512

/** The codes of REFUSE as a user meets them; any other is `Refused`. */
const refusals: Record<string, ErrorCode> = {
  Unauthorized: "Unauthorized",
  VersionMismatch: "VersionMismatch",
  WrongTree: "Refused",
  Duplicate: "Refused",
  Full: "Full",
  Draining: "Refused",
}

export function refused(attachment: Attachment, legs: Legs, { code, reason, retryAfterMs }: Refuse): void {
  if (code === "Busy") {
    attachment.busy(legs, reason, retryAfterMs)
    return
  }
  legs.fail(
    new ZincError(refusals[code] ?? "Refused", `${legs.address} refused the join: ${reason}`, {
      retryable: retryAfterMs > 0,
      ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
    }),
  )
}

export function redirected(attachment: Attachment, legs: Legs, { candidates, retryAfterMs }: Redirect): void {
  const addresses = candidates.slice(0, candidatesMax).flatMap(({ addresses }) => firstAddress(addresses))
  attachment.redirected(legs, addresses, retryAfterMs)
}

/** The first that is one at all. */
function firstAddress(addresses: readonly string[]): string[] {
  const found = addresses.find(
    address => /^[a-z][a-z0-9+.-]*:\/\/./.test(address) && address.length <= addressCharactersMax,
  )
  return found === undefined ? [] : [found]
}

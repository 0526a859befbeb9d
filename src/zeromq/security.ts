/** How a socket's options secure its connections. */
import { errnoError } from "./errors.ts"

/** Throws `ENOTSUP` for a mechanism that is not here, rather than connecting without it. */
export function assertSecurable(mechanism: number): void {
  if (mechanism !== 0) throw errnoError("ENOTSUP", { message: "This mechanism is not supported" })
}

/** Whether what the caller of `handle` gave can be a handler module: checked at once, long before a thread loads it. */
import { ZincError } from "../../core/errors.ts"
import type { HandlerModule } from "../api.ts"

/** Throws `BadOption`. Whether the module exists is found out by the thread that loads it. */
export function checkHandlerModule(given: unknown): asserts given is HandlerModule {
  if (typeof given !== "object" || given === null || !("module" in given))
    throw new ZincError("BadOption", "a handler is a function, or { module } for one that runs in worker threads")
  const { module, threads } = given as HandlerModule
  const place = module instanceof URL ? module.href : module
  if (typeof place !== "string" || !absolute.test(place)) {
    throw new ZincError(
      "BadOption",
      `a handler module is a file URL or an absolute path, not "${String(place)}"; write new URL("./task.js", import.meta.url)`,
    )
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 1024))
    throw new ZincError("BadOption", `threads must be a whole number from 1 to 1024, not ${String(threads)}`)
}

/** A file URL, a path from the root, or a Windows path with a drive or a share. */
const absolute = /^(file:|\/|[A-Za-z]:[\\/]|\\\\)/

/** The logger that the command line hands to endpoints: pino, on standard error, so that results stay clean. */
import { type Logger, silentLogger } from "../core/index.ts"

export const logLevels = ["silent", "error", "warn", "info", "debug"] as const
export type LogChoice = (typeof logLevels)[number]

export async function openLogger(level: LogChoice): Promise<Logger> {
  if (level === "silent") return silentLogger
  const { pino } = await import("pino")
  // Synchronous: what was logged just before a crash or an exit must be there.
  const log = pino({ name: "zinc", level }, pino.destination({ dest: 2, sync: true }))
  return {
    debug: (message, fields) => log.debug(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(fields ?? {}, message),
  }
}

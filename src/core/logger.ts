/** What Zinc says about itself. The command line hands in a real logger; tests a recording one; the default is silent. */
export type LogLevel = "debug" | "info" | "warn" | "error"

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export type LogFields = Readonly<Record<string, unknown>>

const nothing = () => {}

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

export interface LogRecord {
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields | undefined
}

/** Keeps every record, for tests. */
export class RecordingLogger implements Logger {
  readonly records: LogRecord[] = []
  debug(message: string, fields?: LogFields): void {
    this.records.push({ level: "debug", message, fields })
  }
  info(message: string, fields?: LogFields): void {
    this.records.push({ level: "info", message, fields })
  }
  warn(message: string, fields?: LogFields): void {
    this.records.push({ level: "warn", message, fields })
  }
  error(message: string, fields?: LogFields): void {
    this.records.push({ level: "error", message, fields })
  }
}

/** What the process says when it ends. Scripts may rely on these. */
export const ExitCode = {
  /** It did what was asked. */
  Ok: 0,
  /** It could not: nobody answered, the host refused, replicas differ, a check failed. */
  Failed: 1,
  /** The command line or its input was wrong; nothing was opened. */
  Usage: 2,
  /** Ctrl-C (128 + SIGINT), drained or not. */
  Interrupted: 130,
  /** SIGTERM (128 + SIGTERM), drained. */
  Terminated: 143,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** Codes of errors that are the caller's to correct on the command line. */
const usage: ReadonlySet<string> = new Set(["BadOption", "BadAddress", "BadTopic", "BadFile", "BadPayload"])

export function exitCodeOf(errorCode: string): ExitCode {
  return usage.has(errorCode) ? ExitCode.Usage : ExitCode.Failed
}

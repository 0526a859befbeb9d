/** What every command runs in: its output, its log, and Ctrl-C. */
import type { Command } from "commander"
import type { Logger } from "../core/index.ts"
import type { ExitCode } from "./exit-code.ts"
import { Interruption } from "./interruption.ts"
import { logLevels, openLogger } from "./logging.ts"
import { choice } from "./option.ts"
import { Output } from "./output.ts"

export interface Shell {
  /** The command's name. */
  readonly command: string
  readonly output: Output
  readonly logger: Logger
  readonly interruption: Interruption
}

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean
  readonly logLevel: string
}

export function withCommonOptions(command: Command): Command {
  return command
    .option("--json", "one JSON object a line on standard output, for machines")
    .option("--log-level <level>", `what to log on standard error: ${logLevels.join(", ")}`, "silent")
}

export type Ending = (code: ExitCode) => void

/**
 * Gives a command its action: runs it in a shell and reports the exit code it resolves to; undefined means that it did
 * what was asked, or what the signal says if one came.
 */
export function withAction<Options extends CommonOptions>(
  command: Command,
  ending: Ending,
  run: (shell: Shell, options: Options, ...operands: string[]) => Promise<ExitCode | undefined>,
): Command {
  return withCommonOptions(command).action(async (...given: unknown[]) => {
    // Commander passes the operands, then the options, then the command.
    const options = given.at(-2) as Options
    const operands = given.slice(0, -2) as string[]
    const output = new Output({ json: options.json === true })
    const logger = await openLogger(choice("--log-level", options.logLevel, logLevels))
    const interruption = new Interruption(() => output.note("closing… (Ctrl-C again ends at once)"))
    const stopListening = interruption.listen()
    // `zinc listen … | head -1`: the reader has what it wanted.
    const readerGone = (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE" && interruption.code === undefined) interruption.interrupt(0)
    }
    output.stdout.on("error", readerGone)
    try {
      ending(
        (await run({ command: command.name(), output, logger, interruption }, options, ...operands)) ??
          interruption.code ??
          0,
      )
    } catch (error) {
      // A wait that our own signal ended is no failure.
      if (interruption.code !== undefined && (error as { code?: string }).code === "Aborted") ending(interruption.code)
      else throw error
    } finally {
      stopListening()
    }
  })
}

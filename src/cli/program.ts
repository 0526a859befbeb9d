/** The command line as a whole: which commands there are, and how its errors and help read. */
import { Command, CommanderError } from "commander"
import { ZincError } from "../core/index.ts"
import { addDoctor } from "./commands/doctor.ts"
import { addHost } from "./commands/host.ts"
import { addJoin } from "./commands/join.ts"
import { addListen } from "./commands/listen.ts"
import { addReplay } from "./commands/replay.ts"
import { addRequest } from "./commands/request.ts"
import { addSend } from "./commands/send.ts"
import { ExitCode, exitCodeOf } from "./exit-code.ts"
import { codeOf, Output } from "./output.ts"
import type { Ending } from "./shell.ts"
import { version } from "./version.ts"

/** Runs one command line (without node and script) and resolves to its exit code. */
export async function run(words: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = ExitCode.Ok
  const output = new Output({ json: words.includes("--json") })
  const program = openProgram(ended => {
    code = ended
  })
  try {
    await program.parseAsync(words, { from: "user" })
    return code
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version that were asked for end this way too.
      if (error.exitCode === 0) return ExitCode.Ok
      // With no command at all, the help was shown.
      if (error.code === "commander.help") return ExitCode.Usage
      const known = program.commands.map(each => each.name())
      const message = error.message.replace(/^error: /, "")
      output.error(new ZincError("BadOption", `${message}; see ${commandOf(words, known)} --help`))
      return ExitCode.Usage
    }
    output.error(error)
    return exitCodeOf(codeOf(error))
  }
}

function openProgram(ending: Ending): Command {
  const program = new Command("zinc")
    .description("Real-time messaging and document synchronisation without a broker, over ZeroMQ.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .showSuggestionAfterError()
    .addHelpText("after", overview)
  for (const add of [addHost, addJoin, addSend, addListen, addRequest, addReplay, addDoctor]) add(program, ending)
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ outputError: () => {} })
  return program
}

function commandOf(words: readonly string[], known: readonly string[]): string {
  const first = words[0]
  return first === undefined || first.startsWith("-") || !known.includes(first) ? "zinc" : `zinc ${first}`
}

const overview = `
Exit codes: 0 it did what was asked; 1 it could not; 2 bad usage or input; 130 ended by Ctrl-C; 143 by SIGTERM.
The first Ctrl-C drains and leaves, the second ends at once. NO_COLOR turns colours off.

zinc COMMAND --help has examples for each command.`

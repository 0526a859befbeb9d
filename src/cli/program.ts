/** The command line as a whole: which commands there are, and how its errors and help read. */
import { Command, CommanderError } from "commander"
import { ZincError } from "../core/index.ts"
import { ExitCode, exitCodeOf } from "./exit-code.ts"
import { codeOf, Output } from "./output.ts"
import type { Ending } from "./shell.ts"
import { version } from "./version.ts"

type AddCommand = (program: Command, ending: Ending) => void

/** In the order of the help. Only what is run is loaded, so that a short command starts quickly. */
const commands: Readonly<Record<string, () => Promise<AddCommand>>> = {
  host: async () => (await import("./commands/host.ts")).addHost,
  join: async () => (await import("./commands/join.ts")).addJoin,
  send: async () => (await import("./commands/send.ts")).addSend,
  listen: async () => (await import("./commands/listen.ts")).addListen,
  request: async () => (await import("./commands/request.ts")).addRequest,
  top: async () => (await import("./commands/top.ts")).addTop,
  tree: async () => (await import("./commands/tree.ts")).addTree,
  mirror: async () => (await import("./commands/mirror.ts")).addMirror,
  replay: async () => (await import("./commands/replay.ts")).addReplay,
  demo: async () => (await import("./commands/demo.ts")).addDemo,
  keygen: async () => (await import("./commands/keygen.ts")).addKeygen,
  doctor: async () => (await import("./commands/doctor.ts")).addDoctor,
}

/** Runs one command line (without node and script) and resolves to its exit code. */
export async function run(words: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = ExitCode.Ok
  const output = new Output({ json: words.includes("--json") })
  const program = await openProgram(words[0], ended => {
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
      const message = error.message.replace(/^error: /, "")
      output.error(new ZincError("BadOption", `${message}; see ${commandOf(words)} --help`))
      return ExitCode.Usage
    }
    output.error(error)
    return exitCodeOf(codeOf(error))
  }
}

async function openProgram(wanted: string | undefined, ending: Ending): Promise<Command> {
  const program = new Command("zinc")
    .description("Real-time messaging and document synchronisation without a broker, over ZeroMQ.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .showSuggestionAfterError()
    .addHelpText("after", overview)
  const load = wanted === undefined ? undefined : commands[wanted]
  for (const each of load === undefined ? Object.values(commands) : [load]) (await each())(program, ending)
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ outputError: () => {} })
  return program
}

function commandOf(words: readonly string[]): string {
  const first = words[0]
  return first === undefined || first.startsWith("-") || !(first in commands) ? "zinc" : `zinc ${first}`
}

const overview = `
Exit codes: 0 it did what was asked; 1 it could not; 2 bad usage or input; 130 ended by Ctrl-C; 143 by SIGTERM.
The first Ctrl-C drains and leaves, the second ends at once. NO_COLOR turns colours off.

zinc COMMAND --help has examples for each command.`

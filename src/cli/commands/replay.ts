/** `zinc replay TRACE`: replays a recorded editing session through real endpoints. */
import type { Command } from "commander"
import { ZincError } from "../../core/index.ts"
import { checkAddress } from "../connection.ts"
import { ExitCode } from "../exit-code.ts"
import { choice, milliseconds, wholeNumber } from "../option.ts"
import type { Output } from "../output.ts"
import { openProgress } from "../progress.ts"
import { type ReplayResult, replay } from "../replay/replay.ts"
import { readTrace, type Trace } from "../replay/trace.ts"
import { type CommonOptions, type Ending, withAction } from "../shell.ts"
import { count } from "../table.ts"
import { transportNames } from "../transport-choice.ts"

interface ReplayChoices extends CommonOptions {
  readonly clients?: string
  readonly transport: string
  readonly listen: string
  readonly settle: string
  readonly check?: boolean
}

/** Clients are processes: more than this is a mistake. */
const clientsMax = 256

export function addReplay(program: Command, ending: Ending): void {
  const command = program
    .command("replay")
    .argument("<trace>", "an editing trace in the format of josephg/editing-traces, .json or .json.gz")
    .description("replay a recorded editing session through real endpoints and compare all replicas")
    .option("--clients <number>", "client processes; the first writes (of a concurrent trace: one per author)")
    .option("--transport <name>", transportNames.join(" or "), "zmtp")
    .option("--listen <address>", "where the host listens", "tcp://127.0.0.1:0")
    .option("--settle <time>", "how long replicas may take to become equal after the last edit", "60s")
    .option("--check", "only read and check the trace")
    .addHelpText("after", examples)
  withAction<ReplayChoices>(command, ending, async ({ output, interruption }, choices, path) => {
    const transport = choice("--transport", choices.transport, transportNames)
    const asked =
      choices.clients === undefined
        ? undefined
        : wholeNumber("--clients", choices.clients, { least: 1, most: clientsMax })
    const settleMs = milliseconds("--settle", choices.settle, { least: 1, most: 3_600_000 })
    checkAddress(choices.listen, "listen")
    const trace = readTrace(path!)
    if (choices.check) {
      describeTrace(output, path!, trace)
      return undefined
    }
    const authors = trace.kind === "concurrent" ? trace.authors : 1
    const clients = asked ?? Math.max(authors, 2)
    if (clients < authors)
      throw new ZincError(
        "BadOption",
        `--clients ${clients} are too few: ${path} has ${authors} authors, one client each`,
      )

    const total = trace.transactions.length
    const progress = await openProgress(output, `starting ${clients} clients`)
    const begun = performance.now()
    let result: ReplayResult
    try {
      result = await replay({
        path: path!,
        trace,
        clients,
        transport,
        listen: choices.listen,
        settleMs,
        signal: interruption.signal,
        progress: edits => {
          const rate = edits / ((performance.now() - begun) / 1_000)
          progress.say(`${count(edits)} of ${count(total)} edits, ${count(rate)} a second`)
        },
      })
    } finally {
      progress.end()
    }
    report(output, result)
    return result.converged && result.matches ? ExitCode.Ok : ExitCode.Failed
  })
}

function describeTrace(output: Output, path: string, trace: Trace): void {
  const authors = trace.kind === "concurrent" ? trace.authors : 1
  const transactions = trace.transactions.length
  let patches = 0
  for (const each of trace.transactions) patches += "patches" in each ? each.patches.length : each.length
  output.result(
    { kind: trace.kind, authors, transactions, patches },
    `${path}: ${trace.kind}, ${authors} ${authors === 1 ? "author" : "authors"}, ${count(transactions)} transactions, ${count(patches)} patches`,
  )
}

function report(output: Output, result: ReplayResult): void {
  const { colours } = output
  const { different, ...record } = result
  const verdict = result.converged
    ? `${colours.green("converged")}: the host and ${result.clients} ${result.clients === 1 ? "client" : "clients"} are equal`
    : `${colours.red("not converged")}: ${different.join(", ")} ${different.length === 1 ? "differs" : "differ"} from the host`
  const end = result.matches
    ? `${colours.green("matches")} the end of the trace`
    : `${colours.red("differs")} from the end of the trace`
  output.result(
    { ...record, ...(different.length === 0 ? {} : { different }) },
    `${verdict}; the text ${end}\n${count(result.edits)} edits in ${result.seconds.toFixed(2)} s, ${count(result.editsPerSecond)} a second, over ${result.transport}`,
  )
}

const examples = `
The host runs in this process, each client in one of its own. The last line of --json is
{"converged":…,"matches":…,"edits":…,"seconds":…,"editsPerSecond":…,"clients":…,"transport":…}; exit code 0 only if the
replicas are equal and have the text the trace ends with.

Examples:
  zinc replay sveltecomponent.json.gz --clients 4
  zinc replay friendsforever.json.gz --transport native --json
  zinc replay mine.json --check                 only say what is in it, or what is wrong with it`

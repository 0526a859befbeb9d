/** `zinc replay TRACE`: replays a recorded editing session through real endpoints. */
import type { Command } from "commander"
import { readTrace } from "../replay/trace.ts"
import { type CommonOptions, type Ending, withAction } from "../shell.ts"
import { count } from "../table.ts"

interface ReplayOptions extends CommonOptions {
  readonly check?: boolean
}

export function addReplay(program: Command, ending: Ending): void {
  const command = program
    .command("replay")
    .argument("<trace>", "an editing trace in the format of josephg/editing-traces, .json or .json.gz")
    .option("--check", "only read and check the trace")
    .description("replay a recorded editing session through real endpoints and compare all replicas")
  withAction<ReplayOptions>(command, ending, async ({ output }, _options, path) => {
    const trace = readTrace(path!)
    const patches = trace.transactions.reduce((sum, each) => sum + ("patches" in each ? each.patches : each).length, 0)
    const record = {
      kind: trace.kind,
      authors: trace.kind === "concurrent" ? trace.authors : 1,
      transactions: trace.transactions.length,
      patches,
    }
    output.result(
      record,
      `${path}: ${trace.kind}, ${record.authors} author(s), ${count(record.transactions)} transactions, ${count(patches)} patches`,
    )
    return undefined
  })
}

/** `zinc demo`: the main job, `npm start`. */
import type { Command } from "commander"
import { checkAddress } from "../connection.ts"
import { demoDocument } from "../demo/cast.ts"
import { Demo, type DemoResult } from "../demo/demo.ts"
import { picture } from "../demo/picture.ts"
import { ExitCode } from "../exit-code.ts"
import { milliseconds, wholeNumber } from "../option.ts"
import type { Output } from "../output.ts"
import { type CommonOptions, type Ending, withAction } from "../shell.ts"
import { count, duration } from "../table.ts"

interface DemoChoices extends CommonOptions {
  readonly once?: boolean
  readonly listen: string
  readonly pace: string
  readonly settle: string
}

export function addDemo(program: Command, ending: Ending): void {
  const command = program
    .command("demo")
    .description("a host and clients in processes of their own write one text together")
    .option("--once", "end when the text is written, also on a terminal")
    .option("--listen <address>", "where the host listens", "tcp://127.0.0.1:0")
    .option("--pace <number>", "edits a second of each writer", "90")
    .option("--settle <time>", "how long replicas may take to become equal after the last edit", "15s")
    .addHelpText("after", examples)
  withAction<DemoChoices>(command, ending, async ({ output, interruption }, choices) => {
    checkAddress(choices.listen, "listen")
    const pace = wholeNumber("--pace", choices.pace, { least: 1, most: 5_000 })
    const settleMs = milliseconds("--settle", choices.settle, { least: 1, most: 600_000 })
    const draw = output.live
      ? (await import("log-update")).createLogUpdate(output.stdout as NodeJS.WriteStream)
      : undefined
    let drawnAt = 0
    let drawing = draw !== undefined
    const show = (demo: Demo, now: boolean) => {
      if (draw === undefined || !drawing || (!now && performance.now() - drawnAt < 60)) return
      drawnAt = performance.now()
      draw(picture(demo.stage, output.colours, output.columns))
    }
    const demo = new Demo({
      listen: choices.listen,
      pace,
      settleMs,
      signal: interruption.signal,
      changed: () => show(demo, false),
      // Live, the picture has them.
      happened: (event, words) => {
        if (!drawing) output.result(event, words)
      },
      warn: (code, message) => output.warn(code, message),
    })
    interruption.atEnd(() => demo.abort())
    try {
      const result = await demo.run()
      show(demo, true)
      draw?.done()
      drawing = false
      summarize(output, result)
      const code = result.converged && result.complete ? ExitCode.Ok : ExitCode.Failed
      if (choices.once || !output.live) return code
      output.result({}, invitation(output, demo.address))
      await interruption.requested
      // What was asked is done; Ctrl-C is how it is left.
      return code
    } finally {
      draw?.done()
      await demo.close()
    }
  })
}

function summarize(output: Output, result: DemoResult): void {
  const { colours } = output
  const { different, ...record } = result
  const verdict = result.converged
    ? colours.green(`all ${result.replicas} replicas are equal`)
    : colours.red(`replicas differ: ${different.join(", ")}`)
  const { p50, p99 } = result.latencyMs
  output.result(
    { ...record, ...(different.length === 0 ? {} : { different }) },
    [
      "",
      `${verdict} ${colours.dim(result.hash.slice(0, 12))}${result.complete ? "" : colours.red("; the story is not complete")}`,
      `${count(result.edits)} edits by ${result.clients} clients in ${result.seconds.toFixed(1)} s, ${count(result.editsPerSecond)} a second`,
      `over ${result.transports.join(" and ")}, ${result.carriers.join(" and ")}`,
      `${result.killed.join(", ")} was killed, ${result.joinedLate.join(", ")} joined late`,
      ...(p50 === null || p99 === null
        ? []
        : [`client to client a message took ${duration(p50)} (median), ${duration(p99)} (99th percentile)`]),
    ].join("\n"),
  )
}

function invitation(output: Output, address: string): string {
  const { colours } = output
  const command = (words: string) => `  ${colours.cyan(`npx zinc ${words}`)}`
  return [
    "",
    "The host stays up. In this folder, from other terminals:",
    colours.dim("edit the text with any editor, as story.txt"),
    command(`mirror story.txt ${address} --document ${demoDocument}`),
    colours.dim("see who is there, and talk"),
    command(`join ${address} --name you`),
    colours.dim("look at the link"),
    command(`doctor ${address}`),
    colours.dim("Ctrl-C ends it."),
  ].join("\n")
}

const examples = `
On a terminal it shows the work live and then stays up for others to join; when its output goes elsewhere, or with
--once, it ends by itself. Exit code 0 only if all replicas are equal and the text is complete. The last line of --json
is {"converged":…,"replicas":…,"edits":…,"seconds":…,"transports":[…],…}.

Examples:
  npm start                        the same as: zinc demo
  zinc demo --once --json
  zinc demo --listen tcp://*:7700 --pace 500`

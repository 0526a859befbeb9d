/** `zinc request ADDRESS TARGET TOPIC [VALUE]`: asks one endpoint and prints its answer. */
import type { Command } from "commander"
import { codecNames, type JoinChoices, openClient, withJoinOptions } from "../connection.ts"
import { choice, milliseconds } from "../option.ts"
import { codecFor, forMachines, type PayloadChoices, readPayload, shown } from "../payload.ts"
import { type Ending, withAction } from "../shell.ts"
import { withPayloadOptions } from "./send.ts"

interface RequestChoices extends JoinChoices, PayloadChoices {
  readonly codec?: string
  readonly deadline: string
  readonly any?: boolean
}

export function addRequest(program: Command, ending: Ending): void {
  const command = withJoinOptions(
    withPayloadOptions(
      program
        .command("request")
        .argument("<address>", "the host to join; several to try: commas between")
        .argument("<target>", "who to ask: a name or an id")
        .argument("<topic>", "the topic that the target handles")
        .argument("[value]", "JSON, or plain text; standard input when absent")
        .description("ask one endpoint and print its answer"),
    ),
  )
    .option("--deadline <time>", "how long to wait for the answer", "5s")
    .option("--any", "any one of several endpoints of that name")
    .addHelpText("after", examples)
  withAction<RequestChoices>(command, ending, async (shell, choices, address, target, topic, given) => {
    const { output } = shell
    const codec = codecFor(
      choices,
      choices.codec === undefined ? undefined : choice("--codec", choices.codec, codecNames),
    )
    const deadlineMs = milliseconds("--deadline", choices.deadline, { least: 1, most: 3_600_000 })
    const value = await readPayload(given, choices)
    const endpoint = await openClient(shell, address!, choices)
    try {
      const whom = choices.any ? { any: target! } : target!
      const begun = performance.now()
      const reply = await endpoint.request(whom, topic!, value, {
        codec,
        deadlineMs,
        signal: shell.interruption.signal,
      })
      const roundTripMs = Math.round((performance.now() - begun) * 1_000) / 1_000
      output.result({ reply: forMachines(reply), roundTripMs }, shown(reply ?? null))
    } finally {
      await endpoint.close()
    }
    return undefined
  })
}

const examples = `
Examples:
  zinc listen tcp://localhost:7700 add --name calculator --reply 42     in another terminal
  zinc request tcp://localhost:7700 calculator add '[40, 2]'
  zinc request tcp://localhost:7700 hub zinc.peers null --json
  zinc request tcp://localhost:7700 worker resize --any --deadline 30s --file job.json`

/** `zinc send ADDRESS TOPIC [VALUE]`: sends one message, or one for each line of standard input. */
import { createInterface } from "node:readline"
import type { Command } from "commander"
import { utf8, ZincError } from "../../core/index.ts"
import type { AckTier, Endpoint } from "../../index.ts"
import { Route } from "../../message/index.ts"
import { codecNames, type JoinChoices, openClient, withJoinOptions } from "../connection.ts"
import { choice } from "../option.ts"
import { codecFor, type PayloadChoices, payloadFrom, readPayload } from "../payload.ts"
import { type Ending, withAction } from "../shell.ts"
import { count } from "../table.ts"

interface SendChoices extends JoinChoices, PayloadChoices {
  readonly codec?: string
  readonly route: string
  readonly ack: string
  readonly to?: string
  readonly lines?: boolean
}

const tiers = ["received", "rooted"] as const satisfies readonly AckTier[]

export function addSend(program: Command, ending: Ending): void {
  const command = withJoinOptions(
    withPayloadOptions(
      program
        .command("send")
        .argument("<address>", "the host to join; several to try: commas between")
        .argument("<topic>", "the topic to send to")
        .argument("[value]", "JSON, or plain text; standard input when absent")
        .description("send a message and wait until it has arrived"),
    ),
  )
    .option("--route <route>", "nearest, or ordered: one order for everyone", "nearest")
    .option("--ack <tier>", "wait until the nearest host (received) or the root (rooted) has it", "rooted")
    .option("--to <target>", "to one endpoint only, by name or id")
    .option("--lines", "one message for each line of standard input")
    .addHelpText("after", examples)
  withAction<SendChoices>(command, ending, async (shell, choices, address, topic, given) => {
    const { output } = shell
    const codec = codecFor(
      choices,
      choices.codec === undefined ? undefined : choice("--codec", choices.codec, codecNames),
    )
    const route = choice("--route", choices.route, Object.values(Route))
    const ack = choice("--ack", choices.ack, tiers)
    if (choices.to !== undefined && route === Route.Ordered)
      throw new ZincError("BadOption", "a message --to one endpoint has no --route; drop one of them")
    if (choices.lines && (given !== undefined || choices.file !== undefined))
      throw new ZincError("BadOption", "--lines reads standard input; drop the payload or --file")
    // Read before joining, so that a bad payload costs nobody a connection.
    const value = choices.lines ? undefined : await readPayload(given, choices)
    const endpoint = await openClient(shell, address!, choices)
    const { signal } = shell.interruption
    const send = (each: unknown) =>
      choices.to === undefined
        ? endpoint.send(topic!, each, { ack, signal, codec, route })
        : endpoint.sendTo(choices.to, topic!, each, { codec })
    try {
      const sent = choices.lines ? await sendLines(choices, send, signal) : await send(value).then(() => 1)
      output.result(
        { sent, topic, ...(choices.to === undefined ? { ack } : { to: choices.to }) },
        `${output.colours.green("sent")} ${count(sent)} ${sent === 1 ? "message" : "messages"} to ${topic}, ${choices.to === undefined ? ack : `for ${choices.to}`}`,
      )
    } finally {
      await close(endpoint, signal)
    }
    return undefined
  })
}

/** How many messages wait for their acknowledgement at once. */
const linesInFlight = 256

async function sendLines(
  choices: PayloadChoices,
  send: (value: unknown) => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  let sent = 0
  let failed: unknown
  const waiting = new Set<Promise<void>>()
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
  const stop = () => lines.close()
  signal.addEventListener("abort", stop, { once: true })
  for await (const line of lines) {
    if (signal.aborted || failed !== undefined) break
    if (line === "") continue
    const one: Promise<void> = send(payloadFrom(utf8(line), choices)).then(
      () => {
        sent++
        waiting.delete(one)
      },
      error => {
        failed = error
        waiting.delete(one)
      },
    )
    waiting.add(one)
    if (waiting.size >= linesInFlight) await Promise.race(waiting)
  }
  await Promise.all(waiting)
  if (failed !== undefined) throw failed
  return sent
}

async function close(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
  if (signal.aborted) await endpoint.close({ timeoutMs: 1_000 })
  else await endpoint.close()
}

export function withPayloadOptions(command: Command): Command {
  return command
    .option("--codec <name>", `how the payload is encoded: ${codecNames.join(", ")} (default: json)`)
    .option("--raw", "send the octets as they are")
    .option("--text", "send the payload as text, even if it reads as JSON")
    .option("--file <path>", "read the payload from a file; - for standard input")
}

const examples = `
Examples:
  zinc send tcp://localhost:7700 chat "hello there"
  zinc send tcp://localhost:7700 price.eur '{"bid":1.08}'
  zinc send tcp://localhost:7700 jobs '{"id":7}' --route ordered --ack rooted
  zinc send tcp://localhost:7700 note hi --to ada       to one endpoint
  zinc send tcp://localhost:7700 image --raw --file picture.png
  tail -f app.log | zinc send tcp://localhost:7700 log --lines --text`

/** `zinc listen ADDRESS TOPIC…`: prints what is sent to the topics, and answers requests if told to. */
import type { Command } from "commander"
import { deferred, ZincError } from "../../core/index.ts"
import type { Message } from "../../index.ts"
import { Route } from "../../message/index.ts"
import { codecNames, type JoinChoices, openClient, reportLinks, stayOpen, withJoinOptions } from "../connection.ts"
import { reportEvents } from "../event-report.ts"
import { choice, milliseconds, wholeNumber } from "../option.ts"
import { codeOf, printable } from "../output.ts"
import { forMachines, payloadFrom, shown } from "../payload.ts"
import { type Ending, type Shell, withAction } from "../shell.ts"

interface ListenChoices extends JoinChoices {
  readonly count?: string
  readonly route?: string
  readonly reply?: string
  readonly echo?: boolean
  readonly codec?: string
  readonly raw?: boolean
  readonly timeout?: string
}

export function addListen(program: Command, ending: Ending): void {
  const command = withJoinOptions(
    program
      .command("listen")
      .argument("<address>", "the host to join; several to try: commas between")
      .argument("<topics...>", 'topics; one that ends in "*" takes in all that begin so')
      .description("print messages as they come")
      .option("--count <number>", "end after so many messages")
      .option("--timeout <time>", "with --count: fail when they have not come by then")
      .option("--route <route>", "only topics of this route: nearest or ordered (default: both)")
      .option("--reply <value>", "answer requests with this value")
      .option("--echo", "answer requests with what they sent")
      .option("--codec <name>", `how replies are encoded: ${codecNames.join(", ")}`, "json")
      .option("--raw", "print nothing but the payloads' octets")
      .addHelpText("after", examples),
  )
  withAction<ListenChoices>(command, ending, async (shell, choices, address, ...rest) => {
    const topics = rest[0] as unknown as string[]
    const route = choices.route === undefined ? undefined : choice("--route", choices.route, Object.values(Route))
    const codec = choice("--codec", choices.codec ?? "json", codecNames)
    const wanted =
      choices.count === undefined
        ? Number.POSITIVE_INFINITY
        : wholeNumber("--count", choices.count, { least: 1, most: 1e12 })
    if (choices.timeout !== undefined && choices.count === undefined)
      throw new ZincError("BadOption", "--timeout goes with --count: it is how long those may take")
    const timeoutMs =
      choices.timeout === undefined
        ? undefined
        : milliseconds("--timeout", choices.timeout, { least: 1, most: 86_400_000 })
    if (choices.reply !== undefined && choices.echo)
      throw new ZincError("BadOption", "--reply and --echo exclude each other; choose one")
    const reply = choices.reply === undefined ? null : payloadFrom(new TextEncoder().encode(choices.reply), {})

    const endpoint = await openClient(shell, address!, choices, { codec })
    reportLinks(shell, endpoint)
    reportEvents(shell.output, endpoint)
    let left = wanted
    const done = deferred<void>()
    const handlings = topics.map(topic =>
      endpoint.handle(
        topic,
        message => {
          if (left <= 0) return null
          print(shell, message, choices.raw === true)
          if (--left <= 0) done.resolve()
          return choices.echo ? message.value : reply
        },
        route === undefined ? {} : { route },
      ),
    )
    let timer: NodeJS.Timeout | undefined
    try {
      await Promise.all(handlings.map(each => each.ready))
      if (!choices.raw)
        shell.output.result({ event: "listening", id: endpoint.id, name: endpoint.name, topics }, undefined)
      shell.output.note(`listening as ${endpoint.name}`)
      if (timeoutMs !== undefined)
        timer = setTimeout(() => {
          done.reject(
            new ZincError(
              "Timeout",
              `${wanted - left} of ${wanted} messages came within ${timeoutMs} ms; is anybody sending?`,
            ),
          )
        }, timeoutMs)
      return await stayOpen(shell, endpoint, { until: done.promise })
    } catch (error) {
      await endpoint.close({ timeoutMs: 1_000 })
      throw error
    } finally {
      clearTimeout(timer)
    }
  })
}

function print({ output }: Shell, message: Message, raw: boolean): void {
  if (raw) {
    output.stdout.write(message.payload.slice())
    return
  }
  let value: unknown
  try {
    value = message.value
  } catch (error) {
    output.warn(codeOf(error), `a message on ${message.topic} cannot be read: ${String(error)}`)
    return
  }
  const { topic, origin, sequence, route, order, direct } = message
  const record = {
    topic,
    origin,
    sequence,
    route,
    ...(order === undefined ? {} : { order }),
    direct,
    value: forMachines(value),
  }
  const { colours } = output
  const number = order === undefined ? "" : ` ${colours.dim(`#${order.number}`)}`
  output.result(
    { message: record },
    `${colours.cyan(printable(topic))}${number} ${colours.dim(origin.slice(0, 8))} ${shown(value)}`,
  )
}

const examples = `
Examples:
  zinc listen tcp://localhost:7700 "price.*"                 everything that begins so
  zinc listen tcp://localhost:7700 jobs --count 10 --json    ten messages, one JSON object a line, then it ends
  zinc listen tcp://localhost:7700 image --raw --count 1 > picture.png
  zinc listen tcp://localhost:7700 ping --name echo --echo   answers zinc request … echo ping VALUE`

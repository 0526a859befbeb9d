/** `zinc top ADDRESS`: the living tree, drawn again and again; for machines a line of JSON each interval. */
import type { Command } from "commander"
import type { Endpoint, Roster } from "../../index.ts"
import { type JoinChoices, openClient, stayOpen, withJoinOptions } from "../connection.ts"
import { milliseconds } from "../option.ts"
import type { Output } from "../output.ts"
import { type Ending, type Shell, withAction } from "../shell.ts"
import { recordOf, totalsOf } from "../top/tree-branches.ts"
import { type News, newsOf } from "../top/tree-news.ts"
import { clipped, headLine, treePicture } from "../top/tree-picture.ts"

interface TopChoices extends JoinChoices {
  readonly every: string
  readonly once?: boolean
}

/** Events that stay on the screen, and lines that are not the tree's. */
const newsShown = 6
const linesAround = 4
/** News that wait for the next line of JSON; the oldest go. */
const newsMax = 10_000
/** Between two drawings, whatever changes. */
const drawMs = 100

export function addTop(program: Command, ending: Ending): void {
  const command = withJoinOptions(
    program
      .command("top")
      .argument("<address>", "any host of the tree; several to try: commas between")
      .description("watch the tree: who is where, rates, lags, and what happens")
      .option(
        "--every <time>",
        "time between two lines of JSON, and the least time between two drawings of rates",
        "1s",
      )
      .option("--once", "draw it once and end")
      .addHelpText("after", examples),
  )
  withAction<TopChoices>(command, ending, async (shell, choices, address) => {
    const everyMs = milliseconds("--every", choices.every, { least: 50, most: 3_600_000 })
    const endpoint = await openClient(shell, address!, choices, { statusMs: everyMs })
    try {
      const roster = endpoint.roster()
      await roster.ready
      if (choices.once) show(shell.output, endpoint, roster)
      else if (shell.output.live) return await watch(shell, endpoint, roster, everyMs)
      else return await tell(shell, endpoint, roster, everyMs)
    } finally {
      await endpoint.close({ timeoutMs: 1_000 })
    }
    return undefined
  })
}

function show(output: Output, endpoint: Endpoint, roster: Roster): void {
  const { entries } = roster
  if (!output.json && output.stdout.isTTY)
    output.result({}, treePicture({ entries, self: endpoint.id, colours: output.colours }))
  else output.stdout.write(`${JSON.stringify(lookOf(endpoint, roster, []))}\n`)
}

/** For machines: what is, and what happened since the line before. */
function lookOf(endpoint: Endpoint, roster: Roster, news: readonly News[]): Record<string, unknown> {
  const { entries } = roster
  return {
    at: new Date().toISOString(),
    totals: totalsOf(entries),
    ...(endpoint.isReadOnly && { readOnly: true }),
    news: news.map(({ words: _, ...rest }) => rest),
    entries: entries.map(entry => recordOf(entry, endpoint.id)),
  }
}

async function tell(shell: Shell, endpoint: Endpoint, roster: Roster, everyMs: number) {
  const { output } = shell
  const news: News[] = []
  roster.on("change", change => {
    news.push(...newsOf(change, roster, output.colours))
    news.splice(0, news.length - newsMax)
  })
  const line = () => output.stdout.write(`${JSON.stringify(lookOf(endpoint, roster, news.splice(0)))}\n`)
  line()
  const timer = setInterval(line, everyMs)
  try {
    return await stayOpen(shell, endpoint)
  } finally {
    clearInterval(timer)
  }
}

async function watch(shell: Shell, endpoint: Endpoint, roster: Roster, everyMs: number) {
  const { output } = shell
  const { colours } = output
  const { createLogUpdate } = await import("log-update")
  const terminal = output.stdout as NodeJS.WriteStream
  const draw = createLogUpdate(terminal)
  const last: string[] = []
  let drawnAt = 0
  let timer: NodeJS.Timeout | undefined
  const picture = () => {
    timer = undefined
    drawnAt = performance.now()
    const lines = Math.max(3, (terminal.rows ?? 24) - linesAround - newsShown)
    const host = endpoint.peers.find(({ role }) => role === "host")
    const { entries } = roster
    const all = [
      `${colours.bold("zinc top")}  ${headLine(entries, colours, endpoint.isReadOnly)}`,
      host === undefined || host.state === "up" ? "" : colours.yellow(`the link to ${host.name} is ${host.state}`),
      ...treePicture({ entries, self: endpoint.id, colours, lines }).split("\n"),
      "",
      ...last.slice(-newsShown),
    ]
    draw(all.map(each => clipped(each, output.columns)).join("\n"))
  }
  const soon = () => {
    timer ??= setTimeout(picture, Math.max(0, drawnAt + drawMs - performance.now()))
  }
  const remember = (words: string) => {
    last.push(`${colours.dim(new Date().toTimeString().slice(0, 8))} ${words}`)
    last.splice(0, last.length - newsShown)
    soon()
  }
  roster.on("change", change => {
    for (const { words } of newsOf(change, roster, colours)) remember(words)
  })
  endpoint.on("left", ({ peer, reason }) => remember(`${colours.red("!")} lost the host ${peer.name}: ${reason}`))
  endpoint.on("joined", ({ peer }) => remember(`${colours.green("+")} joined ${peer.name}`))
  terminal.on("resize", soon)
  picture()
  const beat = setInterval(soon, everyMs)
  try {
    return await stayOpen(shell, endpoint)
  } finally {
    clearInterval(beat)
    clearTimeout(timer)
    terminal.off("resize", soon)
    draw.done()
  }
}

const examples = `
Examples:
  zinc top tcp://localhost:7700                    until Ctrl-C
  zinc top tcp://localhost:7700 --once             one look
  zinc top tcp://localhost:7700 --every 5s | jq -c .totals
                                                   piped, or with --json: a line each five seconds`

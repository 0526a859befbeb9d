/** `zinc join ADDRESS`: a place in the cluster with a line to type on. */
import { clearLine, createInterface, cursorTo } from "node:readline"
import type { Command } from "commander"
import { messageOf, ZincError } from "../../core/index.ts"
import type { Endpoint } from "../../index.ts"
import {
  breadth,
  checkAddress,
  type JoinChoices,
  openClient,
  ownRelays,
  reportLinks,
  stayOpen,
  withJoinOptions,
} from "../connection.ts"
import { discoveryForms, isDiscovery } from "../discovery-choice.ts"
import { reportEvents } from "../event-report.ts"
import { ExitCode } from "../exit-code.ts"
import { Conversation } from "../join/conversation.ts"
import { badOption, each } from "../option.ts"
import { answerPeers } from "../peer-list.ts"
import { type Ending, type Shell, withAction } from "../shell.ts"

interface JoinCommandChoices extends JoinChoices {
  readonly topic: string
  readonly discover?: string
  readonly listen?: readonly string[]
  readonly fanOut?: string
  readonly relays?: string
  readonly maxClients?: string
}

export function addJoin(program: Command, ending: Ending): void {
  const command = withJoinOptions(
    program
      .command("join")
      .argument("[address]", "the host to join (several to try: commas between), or where to find one")
      .description("join a cluster and talk: see peers, say, watch")
      .option("--discover <place>", `find a host instead: ${discoveryForms}`)
      .option("--topic <topic>", "the topic that plain lines go to, and that is watched from the start", "chat")
      .option("--listen <address>", "host a cluster of your own there too: a relay of the tree; may be repeated", each)
      .option(
        "--fan-out <number>",
        "with --listen: send more joiners than this on to relays below that have room (default: 32)",
      )
      .option(
        "--relays <number>",
        "with --listen: spread clients over so many relays in threads of this one (auto: one a core but one)",
      )
      .option("--max-clients <number>", "with --listen: refuse more clients than this")
      .addHelpText("after", examples),
  )
  withAction<JoinCommandChoices>(command, ending, async (shell, choices, address) => {
    if ((address === undefined) === (choices.discover === undefined))
      throw new ZincError("BadOption", "give the address of a host, or --discover and where to find one")
    if (choices.discover !== undefined && !isDiscovery(choices.discover))
      throw badOption("--discover", choices.discover, `give ${discoveryForms}`)
    const { listen } = choices
    for (const one of listen ?? []) checkAddress(one, "listen")
    const { fanOut, relays, maxClients } = choices
    if (listen === undefined)
      for (const [name, value] of Object.entries({ "fan-out": fanOut, relays, "max-clients": maxClients }))
        if (value !== undefined) throw badOption(`--${name}`, value, "it is for those who listen: give --listen too")
    const place = (address ?? choices.discover)!
    const endpoint = await openClient(
      shell,
      place,
      choices,
      listen === undefined ? {} : { listen, ...breadth(choices), ...(await ownRelays(choices)) },
    )
    if (listen !== undefined) answerPeers(endpoint)
    const interactive = process.stdin.isTTY === true && shell.output.live
    const conversation = new Conversation(endpoint, shell.output, choices.topic)
    reportBesidePrompt(shell, endpoint, conversation, interactive)
    await conversation.watch(choices.topic)
    const host = endpoint.peers.find(each => each.role === "host")
    shell.output.result(
      {
        event: "joined",
        id: endpoint.id,
        name: endpoint.name,
        host: host?.name,
        ...(listen === undefined ? {} : { addresses: endpoint.addresses }),
      },
      `joined ${host?.name ?? place} as ${shell.output.colours.bold(endpoint.name)}`,
    )
    if (listen !== undefined) shell.output.note(`others join it at ${endpoint.addresses.join(" ")}`)
    if (process.stdin.isTTY) shell.output.note('a line goes to everyone who watches; "/help" shows what else there is')
    return converse(shell, endpoint, conversation, interactive)
  })
}

/** News takes the place of the prompt, which comes again below it. */
function reportBesidePrompt(shell: Shell, endpoint: Endpoint, conversation: Conversation, interactive: boolean): void {
  if (interactive)
    conversation.clear = () => {
      cursorTo(process.stdout, 0)
      clearLine(process.stdout, 0)
    }
  for (const type of ["left", "joined", "*"] as const) endpoint.on(type, () => conversation.clear())
  reportLinks(shell, endpoint)
  reportEvents(shell.output, endpoint)
  endpoint.on("*", () => conversation.prompt())
}

async function converse(
  shell: Shell,
  endpoint: Endpoint,
  conversation: Conversation,
  interactive: boolean,
): Promise<ExitCode> {
  const lines = createInterface({
    input: process.stdin,
    ...(interactive ? { output: process.stdout, prompt: `${endpoint.name}> ` } : {}),
    terminal: interactive,
    crlfDelay: Number.POSITIVE_INFINITY,
  })
  conversation.prompt = interactive ? () => lines.prompt(true) : () => {}
  // In a terminal readline takes Ctrl-C as a key.
  lines.on("SIGINT", () => {
    process.stdout.write("\n")
    process.kill(process.pid, "SIGINT")
  })
  let work = Promise.resolve()
  let failed = false
  const ended = new Promise<void>(resolve => {
    const take = async (line: string) => {
      try {
        if (!(await conversation.hear(line))) lines.close()
      } catch (error) {
        conversation.clear()
        shell.output.error(error)
        failed = true
      }
      conversation.prompt()
    }
    lines.on("line", line => {
      // What is piped goes one after the other. A person may leave, or look who is there, while a line waits for a host
      // that is away.
      if (!interactive) work = work.then(() => take(line))
      else {
        void take(line)
        conversation.prompt()
      }
    })
    lines.on("close", () => {
      conversation.prompt = () => {}
      conversation.clear = () => {}
      resolve(work)
    })
  })
  shell.interruption.signal.addEventListener("abort", () => lines.close(), { once: true })
  void endpoint.closed.then(() => lines.close())
  conversation.prompt()
  try {
    const code = await stayOpen(shell, endpoint, { until: ended.then(() => work) })
    // A person has seen what failed and gone on; a script looks at the exit code.
    return code === ExitCode.Ok && failed && !interactive ? ExitCode.Failed : code
  } catch (error) {
    shell.logger.debug("the conversation ended", { reason: messageOf(error) })
    throw error
  } finally {
    lines.close()
  }
}

const examples = `
Examples:
  zinc join tcp://localhost:7700 --name ada
  zinc join tcp://a.local:7700,tcp://b.local:7700  the first of them that answers
  zinc join --discover mdns:demo                   whoever hosts the tree "demo" on this network
  zinc join --discover dns:hub.example:7700        every address behind the name
  zinc join --discover zk://zk1:2181,zk2:2181      hosts that announced themselves in ZooKeeper; etcd:// alike
  zinc join tcp://localhost:7700 --listen tcp://*:0   a relay: the host sends others on to it when it has enough
  zinc join tcp://localhost:7700 --topic room.kitchen --transport native
  printf 'hello\\n/peers\\n' | zinc join tcp://localhost:7700 --json     ends when its input does

Lines while joined:
  hello            say "hello" on the topic            /say TOPIC TEXT   say it on another
  /peers           who is there                        /watch TOPIC      also show this topic ("x.*" for all that begin so)
  /to NAME TEXT    only to one                         /unwatch TOPIC    no longer
  /ask NAME TOPIC VALUE   a request                    /quit             leave`

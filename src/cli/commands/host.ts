/** `zinc host [ADDRESS…]`: opens a host and stays. */
import type { Command } from "commander"
import type { Endpoint, HostOptions } from "../../index.ts"
import { type AnnouncingOptions, announceHost } from "../announcing.ts"
import { breadth, type EndpointChoices, openHost, reportLinks, stayOpen, withEndpointOptions } from "../connection.ts"
import { reportEvents } from "../event-report.ts"
import { milliseconds } from "../option.ts"
import { answerPeers } from "../peer-list.ts"
import { type Ending, type Shell, withAction } from "../shell.ts"

interface HostChoices extends EndpointChoices {
  readonly fanOut: string
  readonly maxClients?: string
  readonly heartbeat?: string
  readonly unguarded?: boolean
  readonly announce?: readonly string[]
}

export const defaultListen = "tcp://*:7700"

export function addHost(program: Command, ending: Ending): void {
  const command = withEndpointOptions(
    program
      .command("host")
      .argument("[addresses...]", `where to listen, tcp://HOST:PORT or ipc://PATH (default: ${defaultListen})`)
      .description("host a cluster that others join")
      .option("--fan-out <number>", "send more joiners than this on to relays below that have room", "32")
      .option("--max-clients <number>", "refuse more clients than this")
      .option("--heartbeat <time>", "time between heartbeats", "250ms")
      .option("--announce <place...>", "say where it is, so that others need no address: mdns:TREE, zk://… or etcd://…")
      .option("--unguarded", "accept that the native transport cannot keep strangers from subscribing")
      .addHelpText("after", examples),
  )
  withAction<HostChoices>(command, ending, async (shell, choices, given) => {
    const { output } = shell
    const addresses = (given as unknown as string[]).length > 0 ? (given as unknown as string[]) : [defaultListen]
    const more: Partial<HostOptions> = {
      heartbeatMs: milliseconds("--heartbeat", choices.heartbeat ?? "250ms", { least: 10, most: 60_000 }),
      ...breadth(choices),
      ...(choices.unguarded ? { unguarded: true } : {}),
    }
    const endpoint = await openHost(shell, addresses, choices, more)
    reportLinks(shell, endpoint)
    reportEvents(output, endpoint)
    answerPeers(endpoint)
    output.result(
      { event: "listening", id: endpoint.id, name: endpoint.name, addresses: endpoint.addresses },
      `${output.colours.bold(endpoint.name)} listens at ${endpoint.addresses.map(each => output.colours.cyan(each)).join(" ")}`,
    )
    if (choices.announce === undefined) {
      output.note(`others join with: zinc join ${dialable(endpoint.addresses[0] ?? addresses[0]!)}`)
      return stayOpen(shell, endpoint)
    }
    const withdraw = await announced(shell, endpoint, choices.announce, {
      tree: choices.tree,
      maxClients: more.maxClients ?? 10_000,
      listen: addresses,
    })
    return stayOpen(shell, endpoint, { before: withdraw }).finally(withdraw)
  })
}

async function announced(
  shell: Shell,
  endpoint: Endpoint,
  places: readonly string[],
  options: AnnouncingOptions,
): Promise<() => Promise<void>> {
  try {
    return await announceHost(shell, endpoint, places, options)
  } catch (error) {
    await endpoint.close()
    throw error
  }
}

/** An address for this machine's other terminals. */
function dialable(address: string): string {
  return address.replace(/^tcp:\/\/(\*|0\.0\.0\.0|\[::\]):/, "tcp://localhost:")
}

const examples = `
Examples:
  zinc host                                        at port 7700 of every interface
  zinc host tcp://127.0.0.1:0 ipc:///tmp/zinc.sock  at a port the system picks, and at a path
  ZINC_TOKEN=secret zinc host --name hub           only who knows the token may join
  zinc host --tree demo --announce mdns:            others on this network: zinc join --discover mdns:demo
  zinc host --json                                 {"event":"listening","addresses":[…]}, then each event`

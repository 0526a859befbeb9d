/** `zinc host [ADDRESS…]`: opens a host and stays. */
import type { Command } from "commander"
import { ZincError } from "../../core/index.ts"
import type { Discovery } from "../../discovery/index.ts"
import type { Endpoint, HostOptions, WithVotes } from "../../index.ts"
import { type AnnouncingOptions, announceHost, closeAll, openPlaces } from "../announcing.ts"
import {
  breadth,
  type EndpointChoices,
  openHost,
  ownRelays,
  reportLinks,
  stayOpen,
  withEndpointOptions,
} from "../connection.ts"
import { openCoordinator } from "../coordinator-choice.ts"
import { reportEvents } from "../event-report.ts"
import { each, milliseconds } from "../option.ts"
import { answerPeers } from "../peer-list.ts"
import { type Ending, type Shell, withAction } from "../shell.ts"

interface HostChoices extends EndpointChoices {
  readonly fanOut?: string
  readonly relays?: string
  readonly maxClients?: string
  readonly heartbeat?: string
  readonly unguarded?: boolean
  readonly announce?: readonly string[]
  readonly data?: string
  readonly seed?: readonly string[]
  readonly coordinator?: string
  readonly found?: boolean
  readonly direct?: boolean
  readonly advertise?: readonly string[]
}

export const defaultListen = "tcp://*:7700"

export function addHost(program: Command, ending: Ending): void {
  const command = withEndpointOptions(
    program
      .command("host")
      .argument("[addresses...]", `where to listen, tcp://HOST:PORT or ipc://PATH (default: ${defaultListen})`)
      .description("host a cluster that others join")
      .option("--fan-out <number>", "send more joiners than this on to relays below that have room (default: 32)")
      .option(
        "--relays <number>",
        "spread clients over so many relays in threads of this host (auto: one a core but one)",
      )
      .option("--max-clients <number>", "refuse more clients than this")
      .option("--heartbeat <time>", "time between heartbeats", "250ms")
      .option(
        "--announce <place>",
        "say where it is, so that others need no address: mdns:TREE, zk://… or etcd://…; may be repeated",
        each,
      )
      .option("--data <folder>", "vote on who is root of the tree, and keep the votes and the ordered log there")
      .option("--seed <address...>", "with --data: the hosts that vote, the same everywhere; the first founds the tree")
      .option("--coordinator <place>", "with --data: keep the root record at zookeeper://… or etcd://…")
      .option("--found", "with --data: found the tree although this is not the first seed")
      .option(
        "--direct",
        "with --data: no proxy or firewall is before this host, so a refused dial means that it has ended",
      )
      .option(
        "--advertise <address>",
        "with --data: where others dial this host, if not where it listens; may be repeated",
        each,
      )
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
    const places = await openPlaces(shell, choices.announce ?? [], choices.tree)
    let coordinator: WithVotes["coordinator"]
    const opening = async () => {
      const votes = await votesOf(shell, choices)
      coordinator = votes.coordinator
      const options = { ...more, ...votes, ...(await ownRelays(choices)) }
      return { votes, endpoint: await openHost(shell, addresses, choices, options) }
    }
    const { votes, endpoint } = await opening().catch(async thrown => {
      await coordinator?.close()
      await closeAll(places)
      throw thrown
    })
    if (votes.coordinator !== undefined) void endpoint.closed.then(() => votes.coordinator!.close())
    reportLinks(shell, endpoint)
    reportEvents(output, endpoint)
    answerPeers(endpoint)
    output.result(
      { event: "listening", id: endpoint.id, name: endpoint.name, addresses: endpoint.addresses },
      `${output.colours.bold(endpoint.name)} listens at ${endpoint.addresses.map(each => output.colours.cyan(each)).join(" ")}`,
    )
    if (places.length === 0) {
      output.note(`others join with: zinc join ${dialable(endpoint.addresses[0] ?? addresses[0]!)}`)
      return stayOpen(shell, endpoint)
    }
    const withdraw = await announced(shell, endpoint, places, {
      maxClients: more.maxClients ?? 10_000,
      listen: addresses,
    })
    return stayOpen(shell, endpoint, { before: withdraw }).finally(withdraw)
  })
}

/** With `--data` it votes. Throws `BadOption`. */
async function votesOf(shell: Shell, choices: HostChoices): Promise<WithVotes> {
  const { output } = shell
  const { data, seed, coordinator, found, direct, advertise } = choices
  if (data === undefined) {
    for (const [name, value] of Object.entries({ seed, coordinator, found, direct, advertise }))
      if (value !== undefined)
        throw new ZincError("BadOption", `--${name} is for hosts that vote, and a vote needs a folder: give --data too`)
    return {}
  }
  const onWaiting = (reason: string) => {
    output.note(`waiting: ${reason}`)
    output.result({ event: "waiting", reason }, undefined)
  }
  return {
    data,
    onWaiting,
    ...(seed === undefined ? {} : { seeds: seed }),
    ...(found === undefined ? {} : { found }),
    ...(direct === undefined ? {} : { direct }),
    ...(advertise === undefined ? {} : { advertise }),
    ...(coordinator === undefined
      ? {}
      : { coordinator: await openCoordinator(coordinator, shell, choices.tree ?? "zinc") }),
  }
}

async function announced(
  shell: Shell,
  endpoint: Endpoint,
  places: readonly Discovery[],
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
  zinc host tcp://10.0.0.1:7700 --data /var/lib/zinc --seed tcp://10.0.0.1:7700 tcp://10.0.0.2:7700 tcp://10.0.0.3:7700
                                                   one of three hosts that vote: any of them may be lost
  zinc host --json                                 {"event":"listening","addresses":[…]}, then each event`

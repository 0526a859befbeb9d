/** Options of commands that host or join, and the opening itself. */
import { hostname } from "node:os"
import type { Command } from "commander"
import { type CloseReason, utf8, utf8Prefix, ZincError } from "../core/index.ts"
import {
  Endpoint,
  type HostOptions,
  type JoinOptions,
  tokenAuthenticator,
  type WithRelays,
  type WithVotes,
} from "../index.ts"
import { parseAddress, parseTcp } from "../transport/index.ts"
import { discoverAddresses, isDiscovery } from "./discovery-choice.ts"
import { ExitCode } from "./exit-code.ts"
import { badOption, choice, milliseconds, wholeNumber } from "./option.ts"
import type { RelayChoices } from "./relays/relay-choice.ts"
import { isSecured, type SecurityChoices, securedTransport, withSecurityOptions } from "./security-choice.ts"
import type { CommonOptions, Shell } from "./shell.ts"
import { openTransport, transportNames } from "./transport-choice.ts"

export const codecNames = ["json", "msgpack", "raw"] as const
export type CodecChoice = (typeof codecNames)[number]

export interface EndpointChoices extends CommonOptions, SecurityChoices {
  readonly transport: string
  readonly name?: string
  readonly token?: string
  readonly tree?: string
}

export interface JoinChoices extends EndpointChoices {
  readonly joinTimeout: string
}

export function withEndpointOptions(command: Command): Command {
  return withSecurityOptions(command)
    .option("--transport <name>", `${transportNames.join(" or ")}; they understand each other`, "zmtp")
    .option(
      "--name <name>",
      "name of this endpoint, for people and for direct messages (default: the command and this machine)",
    )
    .option("--token <token>", "shared secret; better in the environment as ZINC_TOKEN, where others cannot read it")
    .option("--tree <name>", "name of the tree")
}

export function withJoinOptions(command: Command): Command {
  return withEndpointOptions(command).option(
    "--join-timeout <time>",
    "how long a host may take to let us in; where nobody listens it fails at once",
    "5s",
  )
}

/** How many clients a host takes, and from where on it sends others on. */
export function breadth(choices: { readonly fanOut?: string; readonly maxClients?: string }): {
  readonly fanOut?: number
  readonly maxClients?: number
} {
  const limits = { least: 1, most: 1_000_000 }
  return {
    ...(choices.fanOut === undefined ? {} : { fanOut: wholeNumber("--fan-out", choices.fanOut, limits) }),
    ...(choices.maxClients === undefined
      ? {}
      : { maxClients: wholeNumber("--max-clients", choices.maxClients, limits) }),
  }
}

/** Relays of the host's own, in threads. */
export async function ownRelays(choices: RelayChoices): Promise<WithRelays> {
  if (choices.relays === undefined) return {}
  const { relaysOf } = await import("./relays/relay-choice.ts")
  const relays = relaysOf(choices)
  return relays === undefined ? {} : { relays }
}

/** What both openings share, checked before anything is opened. */
async function endpointOptions(shell: Shell, choices: EndpointChoices) {
  const transportName = choice("--transport", choices.transport, transportNames)
  if (isSecured(choices) && transportName !== "zmtp")
    throw badOption("--transport", transportName, "options of CURVE and TLS are for zmtp")
  const transport = isSecured(choices) ? await securedTransport(choices) : await openTransport(transportName)
  const { tree } = choices
  if (choices.name !== undefined && (choices.name === "" || utf8(choices.name).length > 64))
    throw badOption("--name", choices.name, "give 1 to 64 octets of UTF-8")
  const name = choices.name ?? utf8Prefix(`${shell.command}@${hostname()}`, 64)
  return {
    transport,
    logger: shell.logger,
    signal: shell.interruption.signal,
    name,
    ...(tree === undefined ? {} : { tree }),
  }
}

export async function openHost(
  shell: Shell,
  addresses: readonly string[],
  choices: EndpointChoices,
  more: Partial<HostOptions> & WithVotes & WithRelays = {},
): Promise<Endpoint> {
  for (const address of addresses) checkAddress(address, "listen")
  const token = tokenOf(choices)
  const options: HostOptions & WithVotes & WithRelays = {
    ...(await endpointOptions(shell, choices)),
    listen: addresses,
    ...(token === undefined ? {} : { authenticator: tokenAuthenticator(token, { relay: true, voter: true }) }),
    ...(token === undefined || more.data === undefined ? {} : { token }),
    ...more,
  }
  return attended(shell, await Endpoint.host(options))
}

export async function openClient(
  shell: Shell,
  address: string,
  choices: JoinChoices,
  more: Partial<JoinOptions> & WithRelays = {},
): Promise<Endpoint> {
  const addresses = isDiscovery(address) ? [] : addressesOf(address)
  if (choices.curveKey !== undefined && choices.serverKey === undefined && more.listen === undefined)
    throw new ZincError("BadOption", "to dial with CURVE give --server-key too: the public key of the host")
  const joinTimeoutMs = milliseconds("--join-timeout", choices.joinTimeout, { least: 10, most: 3_600_000 })
  const token = tokenOf(choices)
  const options: JoinOptions & WithRelays = {
    ...(await endpointOptions(shell, choices)),
    joinTimeoutMs,
    ...(token === undefined ? {} : { token }),
    // A relay asks of its own clients what was asked of it.
    ...(more.listen === undefined || token === undefined
      ? {}
      : { authenticator: tokenAuthenticator(token, { relay: true, voter: true }) }),
    ...more,
  }
  const waiting = setTimeout(() => shell.output.note(`waiting for ${address}`), sayWaitingMs)
  try {
    const found = isDiscovery(address)
      ? await discoverAddresses(shell, address, { tree: choices.tree, timeoutMs: joinTimeoutMs })
      : addresses
    return attended(shell, await Endpoint.join(found, options))
  } finally {
    clearTimeout(waiting)
  }
}

/** A join that takes longer than this is said to be under way. */
const sayWaitingMs = 400

/** The second Ctrl-C ends without draining. */
function attended(shell: Shell, endpoint: Endpoint): Endpoint {
  const forget = shell.interruption.atEnd(() => endpoint.abort())
  void endpoint.closed.then(forget)
  return endpoint
}

/** Several hosts to try, one after the other, have commas between their addresses. Throws `BadAddress` as below. */
export function addressesOf(text: string): string[] {
  // A path may hold a comma.
  const addresses = text.split(/,(?=[a-z]+:\/\/)/)
  for (const address of addresses) {
    if (addresses.length > 1 && isDiscovery(address))
      throw new ZincError("BadAddress", `"${address}" is a place to find hosts at: give it alone, to --discover`)
    if (/,\s*$|,\s+|,,/.test(address) && !address.startsWith("ipc:"))
      throw new ZincError(
        "BadAddress",
        `"${text}" is no list of addresses: between two there is one comma and no blank, as in tcp://a:7700,tcp://b:7700`,
      )
    checkAddress(address, "dial")
  }
  return addresses
}

/** Throws `BadAddress` for what can never work, before anything is opened. */
export function checkAddress(text: string, use: "listen" | "dial"): void {
  const { scheme, rest } = parseAddress(text)
  if (scheme === "tcp") {
    const { host, port } = parseTcp(rest)
    if (use === "dial" && (host === undefined || port === 0))
      throw new ZincError(
        "BadAddress",
        `"${text}" is an address to listen at; to dial, name a host and a port, such as tcp://localhost:7700`,
      )
  } else if (!["ipc", "ws", "wss"].includes(scheme))
    throw new ZincError(
      "BadAddress",
      `"${text}" has the scheme "${scheme}", which no process can be reached by; use tcp://host:port, ws://host:port or ipc://path`,
    )
}

function tokenOf(choices: EndpointChoices): string | undefined {
  const token = choices.token ?? process.env.ZINC_TOKEN
  return token === "" ? undefined : token
}

export interface StayOptions {
  /** Ends the stay well when it resolves, and badly when it rejects. */
  readonly until?: Promise<unknown>
  /** What is still to be done before the endpoint drains and leaves. */
  readonly before?: () => Promise<unknown>
}

/** Waits until Ctrl-C (then drains) or until the endpoint ends by itself (then fails). */
export async function stayOpen(shell: Shell, endpoint: Endpoint, options: StayOptions = {}): Promise<ExitCode> {
  const reason = await Promise.race([endpoint.closed, shell.interruption.requested, options.until ?? never])
  if (isCloseReason(reason) && !reason.requested) {
    throw reason.error ?? new ZincError("Closed", `the link of ${endpoint.name} ended; start it again`)
  }
  await options.before?.()
  await endpoint.close()
  return shell.interruption.code ?? ExitCode.Ok
}

const never = new Promise<never>(() => {})

function isCloseReason(value: unknown): value is CloseReason {
  return typeof value === "object" && value !== null && "requested" in value
}

/** Sends wait for their host; a client that has lost its host says so instead of waiting without a word. */
export function reportLinks(shell: Shell, endpoint: Endpoint): void {
  const { output } = shell
  endpoint.on("left", ({ peer, reason }) => {
    if (peer.role === "host" && endpoint.state === "open")
      output.note(`lost the host ${peer.name} (${reason}); trying to come back`)
  })
  endpoint.on("joined", ({ peer, resumed }) => {
    if (peer.role === "host") output.note(`${resumed ? "back at" : "joined"} ${peer.name}`)
  })
}

/** What an endpoint is opened with, checked and with defaults filled in. */
import { checkFunction, checkSignal } from "../core/arguments.ts"
import { utf8 } from "../core/bytes.ts"
import { type Clock, systemClock } from "../core/clock.ts"
import { ZincError } from "../core/errors.ts"
import { type EndpointId, isEndpointId } from "../core/id.ts"
import { type Logger, silentLogger } from "../core/logger.ts"
import { checkTreeName } from "../core/name.ts"
import type { OptionTable } from "../core/option-table.ts"
import { type Random, systemRandom } from "../core/random.ts"
import { type Codec, userCodecNumbers } from "../message/codec.ts"
import { CodecRegistry } from "../message/codec-registry.ts"
import { parseAddress } from "../transport/address.ts"
import type { Transport } from "../transport/transport.ts"
import type { EndpointOptions, HostingOptions, JoinOptions } from "./api.ts"
import type { ClientSideOptions } from "./client/client-options.ts"
import type { HostSideOptions } from "./host/host-options.ts"
import { defaultFanOut } from "./host/placement.ts"
import { checkEndpointOptions } from "./option-check.ts"
import { newOwnId } from "./own-id.ts"
import { depthMax } from "./place.ts"

/** What both ways of opening share, with defaults filled in. */
export interface EndpointSettings {
  readonly name: string
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly codecs: CodecRegistry
  readonly codec: Codec
  readonly maxPayloadBytes: number
  readonly statusMs: number
  readonly id: EndpointId
  /** Proves the id to the hosts that it joins. */
  readonly idSecret: Uint8Array
}

/** `more`: options that the endpoint has besides. Throws `BadOption`. */
export function readSettings(options: EndpointOptions, more: OptionTable = {}): EndpointSettings {
  if (typeof options !== "object" || options === null) throw new ZincError("BadOption", "options must be an object")
  if (options.transport === undefined)
    throw new ZincError("BadOption", "a message endpoint needs a transport; the front door's Endpoint brings one")
  checkEndpointOptions(options, more)
  checkParts(options)
  const random = options.random ?? systemRandom
  const { id, secret: idSecret } = newOwnId(random)
  const name = options.name ?? id.slice(0, 8)
  const nameBytes = typeof name === "string" ? utf8(name).length : 0
  if (nameBytes < 1 || nameBytes > 64 || isEndpointId(name)) {
    throw new ZincError(
      "BadOption",
      `a name has 1 to 64 octets of UTF-8 and is not itself an id; "${String(name).slice(0, 80)}" will not do`,
    )
  }
  const maxPayloadBytes = wholeNumber("maxPayloadBytes", options.maxPayloadBytes, 16 * 1024 * 1024, 1, 2 ** 31 - 1)
  const codecs = new CodecRegistry(options.codecs)
  for (const [topic, codec] of Object.entries(options.topicCodecs ?? {})) {
    codecs.declare(topic, typeof codec === "string" ? codecs.byName(codec) : codec)
  }
  const codec = options.codec ?? "json"
  // What an endpoint writes it also reads.
  if (typeof codec === "object" && codec.number >= userCodecNumbers.min && !options.codecs?.includes(codec))
    codecs.register(codec)
  return {
    id,
    idSecret,
    name,
    transport: options.transport,
    clock: options.clock ?? systemClock,
    random,
    logger: options.logger ?? silentLogger,
    codecs,
    codec: typeof codec === "string" ? codecs.byName(codec) : codec,
    maxPayloadBytes,
    statusMs: wholeNumber("statusMs", options.statusMs, 1000, 0, 3_600_000),
  }
}

/** What is handed in from below must be what it is said to be. */
function checkParts({
  transport,
  clock,
  random,
  logger,
  signal,
  codec,
  codecs,
  tree,
}: EndpointOptions & { readonly tree?: unknown }): void {
  checkSignal(signal)
  // On the wire no name asks for no tree, and would be taken everywhere.
  if (tree !== undefined) checkTreeName(tree)
  checkCodec(codec)
  if (codecs !== undefined && !Array.isArray(codecs)) throw new ZincError("BadOption", "codecs is a list of codecs")
  for (const [name, part, method] of [
    ["transport", transport, "dealer"],
    ["clock", clock, "now"],
    ["random", random, "bytes"],
    ["logger", logger, "warn"],
  ] as const) {
    if (part !== undefined)
      checkFunction(`${name}.${method}`, (part as unknown as Record<string, unknown> | null)?.[method])
  }
}

/** Throws `BadOption` for what is neither a name nor a codec. */
export function checkCodec(codec: unknown): void {
  if (codec === undefined || typeof codec === "string") return
  const { encode, number } = (codec ?? {}) as Partial<Codec>
  if (typeof encode !== "function" || !Number.isInteger(number))
    throw new ZincError("BadOption", 'a codec is a name such as "json", or an object with a number, encode and decode')
}

/** The number given, or the default; throws `BadOption` beyond its limits. */
function wholeNumber(name: string, given: number | undefined, otherwise: number, least: number, most: number): number {
  if (given === undefined) return otherwise
  if (!(Number.isInteger(given) && given >= least && given <= most)) {
    throw new ZincError("BadOption", `${name} must be a whole number from ${least} to ${most}, not ${String(given)}`)
  }
  return given
}

function checkAddress(address: unknown, transport: Transport): void {
  if (typeof address !== "string")
    throw new ZincError("BadAddress", `an address is a string such as tcp://host:7700, not ${typeof address}`)
  const { scheme } = parseAddress(address)
  if (!transport.supports.schemes.includes(scheme)) {
    throw new ZincError(
      "BadAddress",
      `"${address}": the ${transport.name} transport serves ${transport.supports.schemes.map(each => `${each}://`).join(", ")}`,
    )
  }
}

/** Where to listen, as a list. Throws `BadOption` or `BadAddress`. */
export function listenAddresses(listen: string | readonly string[], transport: Transport): readonly string[] {
  const addresses = typeof listen === "string" ? [listen] : listen
  if (!Array.isArray(addresses) || addresses.length === 0)
    throw new ZincError("BadOption", "listen needs at least one address, such as tcp://*:7700")
  for (const each of addresses) checkAddress(each, transport)
  return addresses
}

/** Whom to join, as a list. Throws `BadOption` or `BadAddress`. */
export function joinAddresses(address: string | readonly string[], transport: Transport): readonly string[] {
  const addresses = typeof address === "string" ? [address] : address
  if (!Array.isArray(addresses) || addresses.length === 0)
    throw new ZincError("BadOption", "joining needs at least one address, such as tcp://host:7700")
  for (const each of addresses) checkAddress(each, transport)
  return addresses
}

/** What the host side is told of the options. Throws `BadOption`. */
export function hostingSettings(
  options: HostingOptions,
): Pick<
  HostSideOptions,
  | "authenticator"
  | "unguarded"
  | "maxClients"
  | "fanOut"
  | "maxDepth"
  | "heartbeatMs"
  | "heartbeatMisses"
  | "sessionKeepMs"
  | "replayMessages"
  | "replayBytes"
  | "slow"
> {
  const maxClients = wholeNumber("maxClients", options.maxClients, 10_000, 1, 1_000_000)
  const fanOut = wholeNumber("fanOut", options.fanOut, Math.min(maxClients, defaultFanOut), 1, 1_000_000)
  if (fanOut > maxClients)
    throw new ZincError("BadOption", `fanOut is at most maxClients: ${fanOut} is more than ${maxClients}`)
  return {
    authenticator: options.authenticator,
    unguarded: options.unguarded ?? false,
    maxClients,
    fanOut,
    maxDepth: wholeNumber("maxDepth", options.maxDepth, depthMax, 1, depthMax),
    heartbeatMs: wholeNumber("heartbeatMs", options.heartbeatMs, 250, 10, 60_000),
    heartbeatMisses: wholeNumber("heartbeatMisses", options.heartbeatMisses, 3, 1, 100),
    sessionKeepMs: wholeNumber("sessionKeepMs", options.sessionKeepMs, 10_000, 100, 86_400_000),
    replayMessages: wholeNumber("replay.messages", options.replay?.messages, 65_536, 1, 10_000_000),
    replayBytes: wholeNumber("replay.bytes", options.replay?.bytes, 16 * 1024 * 1024, 1024, 2 ** 40),
    slow: {
      ...options.slow,
      policy: options.slow?.policy ?? "disconnect",
      maxLagMs: options.slow?.maxLagMs ?? 10_000,
    },
  }
}

/** What the client side is told of the options. Throws `BadOption`. */
export function joiningSettings(
  options: JoinOptions,
  maxPayloadBytes: number,
): Pick<ClientSideOptions, "token" | "tree" | "reconnect" | "joinTimeoutMs" | "windowMessages" | "windowBytes"> {
  return {
    token: typeof options.token === "string" ? utf8(options.token) : (options.token ?? new Uint8Array(0)),
    tree: options.tree ?? "",
    reconnect:
      options.reconnect === false
        ? undefined
        : { minMs: options.reconnect?.minMs ?? 100, maxMs: options.reconnect?.maxMs ?? 5000 },
    joinTimeoutMs: wholeNumber("joinTimeoutMs", options.joinTimeoutMs, 5000, 10, 3_600_000),
    windowMessages: wholeNumber("sendWindow.messages", options.sendWindow?.messages, 10_000, 1, 10_000_000),
    // One message of the largest size always fits, or it could never be sent.
    windowBytes: Math.max(
      wholeNumber("sendWindow.bytes", options.sendWindow?.bytes, 16 * 1024 * 1024, 1024, 2 ** 40),
      maxPayloadBytes + 64 * 1024,
    ),
  }
}

/** What a host that spreads its clients over threads does otherwise: who its own relays are, and what they start with. */
import { utf8Prefix } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"
import type { Logger } from "../core/logger.ts"
import { systemRandom } from "../core/random.ts"
import type { HostingOptions, JoinOptions } from "../endpoint/api.ts"
import { type Authenticator, tokenAuthenticator } from "../endpoint/authenticator.ts"
import { hostDials, relayListens } from "./relay-addresses.ts"
import type { RelaySettings } from "./relay-options.ts"
import type { RelayThreads } from "./relay-threads.ts"

/** The options of the host that count for its relays too. */
export type Given = HostingOptions & Pick<JoinOptions, "listen" | "tree" | "maxPayloadBytes" | "statusMs">

export class OwnRelays {
  readonly #settings: RelaySettings
  readonly #given: Given
  /** By which the host knows its own. */
  readonly #token = systemRandom.bytes(32)
  #threads: RelayThreads | undefined

  constructor(settings: RelaySettings, given: Given) {
    this.#settings = settings
    this.#given = given
  }

  /** Room for its relays, and an authenticator that knows them. Where everybody may join, they may. */
  get hosting(): Pick<HostingOptions, "fanOut" | "authenticator"> {
    const { authenticator, fanOut } = this.#given
    return {
      fanOut: fanOut ?? this.#settings.threads,
      ...(authenticator === undefined ? {} : { authenticator: this.#knowing(authenticator) }),
    }
  }

  #knowing(authenticator: Authenticator): Authenticator {
    const own = tokenAuthenticator(this.#token, { relay: true })
    return {
      async authenticate(request) {
        const verdict = await own.authenticate(request)
        return verdict.allow ? verdict : authenticator.authenticate(request)
      },
    }
  }

  /** The host is open and listens at `bound`. Rejects when a relay cannot join it. */
  async open(
    host: { readonly name: string; readonly bound: readonly string[] },
    tree: string | undefined,
    logger: Logger,
  ): Promise<void> {
    const { threads, ports, module, data } = this.#settings
    const { authenticator, listen = [], relays: _, ...given } = this.#given as Given & { relays?: unknown }
    const { RelayThreads: threadsOf } = await import("./relay-threads.ts")
    const places = typeof listen === "string" ? [listen] : listen
    const maxClients = Math.ceil((given.maxClients ?? 10_000) / threads)
    const dials = hostDials(host.bound)
    if (dials.length === 0)
      throw new ZincError(
        "BadOption",
        "relays dial their host from other threads: listen at tcp://, ipc:// or ws:// too",
      )
    this.#threads = await threadsOf.open({
      threads,
      authenticator,
      logger,
      start: number => ({
        name: `${utf8Prefix(host.name, 60)}/${number}`,
        tree,
        host: dials,
        listen: relayListens(places, number, ports[number - 1]),
        token: this.#token,
        guarded: authenticator !== undefined,
        hosting: {
          ...plain(given),
          maxClients,
          fanOut: maxClients,
        },
        module,
        data,
      }),
    })
  }

  async close(timeoutMs: number): Promise<void> {
    await this.#threads?.close(timeoutMs)
  }

  terminate(): void {
    void this.#threads?.terminate()
  }
}

/** What of the host's options is data, and a relay's as well. */
function plain({
  maxDepth,
  heartbeatMs,
  heartbeatMisses,
  sessionKeepMs,
  replay,
  slow,
  maxPayloadBytes,
  statusMs,
  unguarded,
}: Given) {
  const { key: _, ...data } = slow ?? {}
  const wanted = {
    ...{ maxDepth, heartbeatMs, heartbeatMisses, sessionKeepMs, replay, maxPayloadBytes, statusMs, unguarded },
    slow: slow && data,
  }
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
}

/** How a host spreads its clients over threads of its own (T3: a multi-core host is a tree on one machine). */
import { availableParallelism } from "node:os"
import { messageOf, ZincError } from "../core/errors.ts"
import { checkEach } from "../core/option-table.ts"
import type { HostingOptions, JoinOptions } from "../endpoint/api.ts"
import { checkAuthenticator, elsewhere } from "../endpoint/option-check.ts"
import { checkHandlerModule } from "../endpoint/worker/handler-module.ts"
import type { WithDocuments } from "../whole-endpoint.ts"

/** Relays of a host's own, one in each of its worker threads. */
export interface RelayOptions {
  /** Worker threads, 1 to 64. Default: the number of cores less one, at least one. */
  readonly threads?: number
  /** The TCP port of each relay, for firewalls; as many as threads. Default: whichever the system picks. */
  readonly ports?: readonly number[]
  /**
   * A file URL or absolute path of an ES module whose default export makes, in each thread, what cannot be handed to one:
   * called with `data`, it returns (or resolves to) `RelayParts`. Needed with a transport of your own, document types of
   * your own, or a function `slow.key`.
   */
  readonly module?: string | URL
  /** For that function; copied to the thread as `structuredClone` does. */
  readonly data?: unknown
}

/** What a relay's thread makes for itself. */
export interface RelayParts extends Pick<JoinOptions, "transport" | "slow">, WithDocuments {}

export interface WithRelays {
  /**
   * Relays in worker threads of this host, over which it spreads its clients: everybody dials this host's address and is
   * sent on to one of them, so that copying to many subscribers uses several cores. `fanOut` is then the number of threads
   * unless it is given. Default: none.
   */
  readonly relays?: RelayOptions
}

/** With defaults filled in. */
export interface RelaySettings {
  readonly threads: number
  readonly ports: readonly number[]
  readonly module: string | undefined
  readonly data: unknown
}

const threadsMax = 64

/** Throws `BadOption`. */
export function readRelayOptions(
  relays: RelayOptions,
  around: HostingOptions &
    WithDocuments & { readonly transport?: unknown; readonly clock?: unknown; readonly random?: unknown },
): RelaySettings {
  if (typeof relays !== "object" || relays === null)
    throw new ZincError("BadOption", "relays is an object: { threads: 4 }")
  checkEach(relays, { threads: elsewhere, ports: elsewhere, module: elsewhere, data: elsewhere }, "relays.")
  // It is wrapped by one that knows the relays too.
  if (around.authenticator !== undefined) checkAuthenticator("authenticator", around.authenticator)
  const { threads = Math.min(threadsMax, Math.max(1, availableParallelism() - 1)), ports = [], module, data } = relays
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= threadsMax))
    throw new ZincError(
      "BadOption",
      `relays.threads must be a whole number from 1 to ${threadsMax}, not ${String(threads)}`,
    )
  const isPort = (port: unknown) => Number.isInteger(port) && (port as number) >= 0 && (port as number) <= 65_535
  if (!Array.isArray(ports) || (ports.length > 0 && ports.length !== threads) || !ports.every(isPort))
    throw new ZincError("BadOption", `relays.ports are as many ports as there are threads (${threads}), or none`)
  if (module === undefined) {
    for (const [name, part] of Object.entries({
      transport: around.transport,
      "slow.key": around.slow?.key,
      "documents.types": around.documents?.types,
    }))
      if (part !== undefined)
        throw new ZincError(
          "BadOption",
          `${name} cannot be handed to the threads of relays; give relays.module, whose default export makes it there`,
        )
  } else checkHandlerModule({ module })
  for (const name of ["clock", "random"] as const)
    if (around[name] !== undefined)
      throw new ZincError(
        "BadOption",
        `${name} is of this thread alone; a host with relays in others goes by the machine's`,
      )
  try {
    structuredClone(data)
  } catch (cause) {
    throw new ZincError("BadOption", `relays.data cannot be copied to a thread: ${messageOf(cause)}`, { cause })
  }
  return { threads, ports, module: module instanceof URL ? module.href : module, data }
}

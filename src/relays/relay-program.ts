/** What runs in the thread of a relay: an ordinary relay below its host, which asks the host who may join. */
import { parentPort, workerData } from "node:worker_threads"
import { systemClock, type Timer } from "../core/clock.ts"
import { asZincError, messageOf, ZincError } from "../core/errors.ts"
import type { LogFields, Logger, LogLevel } from "../core/logger.ts"
import type { Authenticator, Verdict } from "../endpoint/authenticator.ts"
import { Endpoint } from "../zinc.ts"
import type { FromRelay, RelayStart, ToRelay } from "./relay-messages.ts"
import type { RelayParts } from "./relay-options.ts"

/** How long a joiner waits for its host's verdict. */
const verdictMs = 5_000

const port = parentPort!
const start = workerData as RelayStart
const tell = (message: FromRelay) => port.postMessage(message)

const asked = new Map<number, { readonly timer: Timer; resolve(verdict: Verdict): void }>()
let lastAsked = 0

const authenticator: Authenticator = {
  authenticate: request =>
    new Promise(resolve => {
      const number = ++lastAsked
      const refused: Verdict = { allow: false, reason: "the host took too long to decide; try again" }
      const timer = systemClock.after(verdictMs, () => {
        asked.delete(number)
        resolve(refused)
      })
      asked.set(number, { timer, resolve })
      tell({ is: "joining", number, request })
    }),
}

const log = (level: LogLevel) => (message: string, fields?: LogFields) =>
  tell({ is: "log", level, message, fields: fields && inWords(fields) })
const logger: Logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") }

let relay: Endpoint | undefined
let closing: number | undefined

port.on("message", (message: ToRelay) => {
  if (message.is === "verdict") {
    const one = asked.get(message.number)
    asked.delete(message.number)
    one?.timer.cancel()
    one?.resolve(message.verdict)
    return
  }
  closing = message.timeoutMs
  if (relay !== undefined) void end(relay, closing)
})

try {
  const parts = start.module === undefined ? {} : await made(start.module, start.data)
  relay = await Endpoint.join(start.host, {
    ...start.hosting,
    ...parts,
    ...(start.guarded ? { authenticator } : {}),
    name: start.name,
    ...(start.tree === undefined ? {} : { tree: start.tree }),
    listen: start.listen,
    token: start.token,
    logger,
  })
  tell({ is: "ready", addresses: relay.addresses })
  if (closing !== undefined) void end(relay, closing)
  const { requested, error } = await relay.closed
  if (!requested) tell({ is: "failed", code: error?.code ?? "Closed", message: error?.message ?? "the relay ended" })
} catch (thrown) {
  const { code, message } = asZincError(thrown)
  tell({ is: "failed", code, message })
} finally {
  port.close()
}

async function end(endpoint: Endpoint, timeoutMs: number): Promise<void> {
  await endpoint.close({ timeoutMs }).catch(() => endpoint.abort())
}

async function made(module: string, data: unknown): Promise<RelayParts> {
  const { default: make } = (await import(module).catch(cause => {
    throw new ZincError("BadOption", `the module of relays cannot be loaded: ${messageOf(cause)}`, { cause })
  })) as { default?: unknown }
  if (typeof make !== "function")
    throw new ZincError("BadOption", `the module of relays ${module} exports no function as default`)
  return (await make(data)) as RelayParts
}

/** Fields may hold what cannot go to another thread. */
function inWords(fields: LogFields): string {
  try {
    return JSON.stringify(fields, (_key, value) => (value instanceof Error ? value.message : value))
  } catch {
    return ""
  }
}

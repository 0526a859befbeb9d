/** What endpoints may be told, as a table: who misspells an option is told which was meant. */
import { checkOptions } from "../core/arguments.ts"
import {
  action,
  type Check,
  checkEach,
  flag,
  having,
  inside,
  milliseconds,
  number,
  type OptionTable,
  wrong,
} from "../core/option-table.ts"

/** There is such an option; whoever reads it checks it. */
export const elsewhere: Check = () => {}

export const checkAuthenticator: Check = having(
  "an object with a method authenticate, such as tokenAuthenticator gives",
  "authenticate",
)

const limits = inside({ messages: number(0), bytes: number(0) })
const policies: readonly unknown[] = ["disconnect", "die", "conflate", "dropOldest", "warn"]

/** Of hosts, and of those who join: a relay has both, and options that are of no use to an endpoint are let pass. */
const general: OptionTable = {
  name: elsewhere,
  transport: elsewhere,
  codec: elsewhere,
  codecs: elsewhere,
  topicCodecs: (name, value) => {
    if (typeof value !== "object" || value === null) throw wrong(name, "an object of codecs by topic", value)
  },
  sendWindow: limits,
  maxPayloadBytes: elsewhere,
  statusMs: elsewhere,
  clock: elsewhere,
  random: elsewhere,
  logger: elsewhere,
  signal: elsewhere,
  listen: elsewhere,
  tree: elsewhere,
  authenticator: checkAuthenticator,
  unguarded: flag,
  maxClients: elsewhere,
  fanOut: elsewhere,
  maxDepth: elsewhere,
  heartbeatMs: elsewhere,
  heartbeatMisses: elsewhere,
  sessionKeepMs: elsewhere,
  replay: limits,
  slow: inside({
    hwm: limits,
    maxLagMs: milliseconds(0),
    policy: (name, value) => {
      if (!policies.includes(value)) throw wrong(name, `one of ${policies.join(", ")}`, value)
    },
    key: action,
  }),
  token: (name, value) => {
    if (typeof value !== "string" && !ArrayBuffer.isView(value)) throw wrong(name, "a text or a Uint8Array", value)
  },
  reconnect: (name, value) => {
    if (value !== false) inside({ minMs: milliseconds(1), maxMs: milliseconds(1) })(name, value)
  },
  joinTimeoutMs: elsewhere,
}

/** `more`: what those above add. Throws `BadOption`. */
export function checkEndpointOptions(options: unknown, more: OptionTable): void {
  checkOptions(options)
  // The simulator's alone (rules.ts), and no option for anybody else.
  const { rules: _, ...told } = options as { readonly rules?: unknown }
  checkEach(told, { ...general, ...more }, "")
}

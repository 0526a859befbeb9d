/** What the options of our etcd adapters mean, and the gateway they open. */
import { type Clock, systemClock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import type { Logger } from "../../core/logger.ts"
import { type Random, systemRandom } from "../../core/random.ts"
import { parseServers, serverText } from "../server-list.ts"
import { checkedTimes, type ServiceTimes } from "../times.ts"
import { EtcdGateway } from "./gateway.ts"

export interface EtcdOptions extends ServiceTimes {
  /** "host:port,host:port" or a list; each may begin with "http://" or "https://". Default port 2379. */
  readonly servers: string | readonly string[]
  /** What our keys begin with. Default "zinc". */
  readonly prefix?: string
  /** "user:password", where etcd asks for one. */
  readonly credentials?: string
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
  /** Default: the platform's. One of your own can add client certificates. */
  readonly fetch?: typeof fetch
}

/** Throws `BadAddress` or `BadOption`. Connects to nobody yet. */
export function openEtcdGateway(options: EtcdOptions): { gateway: EtcdGateway; clock: Clock; silenceMs: number } {
  const { clock = systemClock, random = systemRandom, credentials, servers } = options
  const times = checkedTimes(options)
  const colon = credentials?.indexOf(":") ?? -1
  if (credentials !== undefined && colon < 1)
    throw new ZincError("BadOption", 'credentials are written "user:password"')
  const gateway = new EtcdGateway({
    endpoints: (typeof servers === "string" ? servers.split(",") : [...servers]).map(endpointOf),
    clock,
    random,
    fetch: options.fetch ?? fetch,
    ...times,
    ...(credentials === undefined
      ? {}
      : { user: { name: credentials.slice(0, colon), password: credentials.slice(colon + 1) } }),
  })
  return { gateway, clock, silenceMs: times.silenceMs }
}

function endpointOf(text: string): string {
  const [, scheme, place] = /^(?:(https?):\/\/)?(.*?)\/?$/.exec(text.trim())!
  return `${scheme ?? "http"}://${serverText(parseServers([place!], 2379)[0]!)}`
}

/** Throws `BadOption` for what cannot begin a key. */
export function checkedPrefix(prefix = "zinc"): string {
  if (/^[\x21-\x7e]{1,128}$/.test(prefix) && !prefix.endsWith("/")) return prefix
  throw new ZincError("BadOption", `prefix is a text such as "zinc", not "${String(prefix).slice(0, 80)}"`)
}

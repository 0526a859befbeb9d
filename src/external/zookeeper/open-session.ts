/** What the options of our ZooKeeper adapters mean, and the session they open. */
import { type Clock, systemClock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import type { Logger } from "../../core/logger.ts"
import { type Random, systemRandom } from "../../core/random.ts"
import { parseServers } from "../server-list.ts"
import { checkedTimes, checkMilliseconds, type ServiceTimes } from "../times.ts"
import { ZooKeeperSession } from "./session.ts"
import { dialTcp } from "./wire.ts"

export interface ZooKeeperOptions extends ServiceTimes {
  /** The ensemble: "host:port,host:port" or a list. Default port 2181. */
  readonly servers: string | readonly string[]
  /** Where our nodes live. Default "/zinc". */
  readonly root?: string
  /** "user:password" of the digest scheme; what we create is then ours alone. Default: none, and anyone's. */
  readonly credentials?: string
  /**
   * How long our discovery nodes outlive us, in milliseconds. Default 4,000; the ensemble grants 2 to 20 of its ticks, by
   * default 4,000 – 40,000. No promotion waits for it.
   */
  readonly sessionMs?: number
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
}

/** Throws `BadAddress` or `BadOption`. Begins to connect, and does not wait for it. */
export function openZooKeeperSession(options: ZooKeeperOptions): ZooKeeperSession {
  const { clock = systemClock, random = systemRandom, sessionMs = 4_000, credentials, logger } = options
  checkMilliseconds("sessionMs", sessionMs, 100, 600_000)
  if (credentials !== undefined && !/^[^:]+:/.test(credentials))
    throw new ZincError("BadOption", 'credentials are written "user:password"')
  return new ZooKeeperSession({
    servers: parseServers(options.servers, 2181),
    clock,
    random,
    dial: dialTcp,
    sessionMs,
    ...checkedTimes(options),
    ...(credentials === undefined ? {} : { credentials }),
    ...(logger === undefined ? {} : { logger }),
  })
}

/** Throws `BadOption` for what can be no path. */
export function checkedRoot(root = "/zinc"): string {
  if (/^(\/[^/\s]+)+$/.test(root) && !/\/\.\.?(\/|$)/.test(root)) return root
  throw new ZincError("BadOption", `root is a path such as "/zinc", not "${String(root).slice(0, 80)}"`)
}

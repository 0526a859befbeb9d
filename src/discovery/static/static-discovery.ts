/** A list of addresses that somebody wrote down. The first is the seed that may found the tree. */
import { type Clock, systemClock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import type { Logger } from "../../core/logger.ts"
import { checkTreeName } from "../../core/name.ts"
import type {
  Announcement,
  Discovery,
  DiscoveryCallOptions,
  DiscoveryStatistics,
  DiscoverySupport,
} from "../discovery.ts"
import { cannotAnnounce, checkCall, closedDiscovery } from "../discovery-call.ts"
import { type HostRecord, isAddressText } from "../host-record.ts"
import { HostWatchers } from "../host-watchers.ts"

export interface StaticDiscoveryOptions {
  readonly tree: string
  /** Addresses such as "tcp://hub.local:7700", in the order in which to try; 1 – 1,000. */
  readonly seeds: readonly string[]
  readonly clock?: Clock
  readonly logger?: Logger
}

const seedsMax = 1_000

export class StaticDiscovery implements Discovery {
  readonly tree: string
  readonly place = "the list of seeds"
  readonly supports: DiscoverySupport = { announce: false, lingerMs: undefined }
  readonly statistics: DiscoveryStatistics = { refused: 0 }
  readonly #hosts: readonly HostRecord[]
  readonly #watchers: HostWatchers
  #closed = false

  /** Throws `BadAddress` or `BadOption`. */
  constructor(options: StaticDiscoveryOptions) {
    const { tree, seeds, clock = systemClock, logger } = options
    checkTreeName(tree)
    if (!Array.isArray(seeds) || seeds.length < 1 || seeds.length > seedsMax)
      throw new ZincError("BadOption", `seeds are 1 to ${seedsMax} addresses`)
    for (const seed of seeds) {
      if (!isAddressText(seed))
        throw new ZincError("BadAddress", `"${String(seed).slice(0, 80)}" is no address: write tcp://host:port`)
    }
    this.tree = tree
    this.#hosts = seeds.map(seed => ({ addresses: [seed] }))
    this.#watchers = new HostWatchers(clock, () => this.#hosts, logger)
  }

  announce(): Promise<Announcement> {
    return Promise.reject(this.#closed ? closedDiscovery(this.tree) : cannotAnnounce(this.place))
  }

  async find(options: DiscoveryCallOptions = {}): Promise<readonly HostRecord[]> {
    checkCall(this.tree, this.#closed, options.signal)
    return this.#hosts
  }

  watch(listener: (hosts: readonly HostRecord[]) => void): () => void {
    if (this.#closed) throw closedDiscovery(this.tree)
    return this.#watchers.add(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#watchers.clear()
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

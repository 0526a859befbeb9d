/**
 * Hosts behind names in DNS, asked for again and again. A name that begins with "_" is a service (SRV): each of its targets is a
 * host. Behind any other name every address (A, AAAA) is a host of its own, as behind a headless service.
 */
import { type Clock, systemClock, type Timer } from "../../core/clock.ts"
import { messageOf, ZincError } from "../../core/errors.ts"
import { type Logger, silentLogger } from "../../core/logger.ts"
import { checkTreeName } from "../../core/name.ts"
import { type Random, systemRandom } from "../../core/random.ts"
import { serverText } from "../../external/server-list.ts"
import { checkMilliseconds } from "../../external/times.ts"
import type {
  Announcement,
  Discovery,
  DiscoveryCallOptions,
  DiscoveryStatistics,
  DiscoverySupport,
} from "../discovery.ts"
import { cannotAnnounce, checkCall, closedDiscovery, heeding } from "../discovery-call.ts"
import { type HostRecord, hostsMax } from "../host-record.ts"
import { HostWatchers } from "../host-watchers.ts"
import { type NameService, openNameService, type ServiceTarget } from "./name-service.ts"

export interface DnsDiscoveryOptions {
  readonly tree: string
  /** Names such as "hub.example:7700" or "_zinc._tcp.example", in the order in which to try; 1 – 64. Default port 7700. */
  readonly names: string | readonly string[]
  /** Between two questions while somebody watches, in milliseconds. Default 10,000; 100 – 3,600,000. */
  readonly refreshMs?: number
  /** How long the name servers may take, in milliseconds. Default 5,000; 50 – 60,000. */
  readonly timeoutMs?: number
  /** Name servers to ask, "host:port". Default: as this machine resolves names, its hosts file included. */
  readonly servers?: readonly string[]
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
}

interface Name {
  readonly name: string
  /** Undefined for a service, which says it by itself. */
  readonly port: number | undefined
}

const namesMax = 64
const addressesMax = 8

export class DnsDiscovery implements Discovery {
  readonly tree: string
  readonly supports: DiscoverySupport = { announce: false, lingerMs: undefined }
  readonly #names: readonly Name[]
  readonly #service: NameService
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #refreshMs: number
  readonly #timeoutMs: number
  readonly #watchers: HostWatchers
  #hosts: readonly HostRecord[] | undefined
  #timer: Timer | undefined
  #asking: Promise<readonly HostRecord[]> | undefined
  #refused = 0
  #closed = false

  private constructor(options: DnsDiscoveryOptions, service: NameService) {
    const { tree, names, refreshMs = 10_000, timeoutMs = 5_000, clock = systemClock, random = systemRandom } = options
    checkTreeName(tree)
    checkMilliseconds("refreshMs", refreshMs, 100, 3_600_000)
    checkMilliseconds("timeoutMs", timeoutMs, 50, 60_000)
    this.tree = tree
    this.#names = namesOf(names)
    this.#service = service
    this.#clock = clock
    this.#random = random
    this.#logger = options.logger ?? silentLogger
    this.#refreshMs = refreshMs
    this.#timeoutMs = timeoutMs
    this.#watchers = new HostWatchers(clock, () => this.#hosts, this.#logger)
  }

  /** Asks nobody yet. Rejects with `BadAddress` or `BadOption`. */
  static async open(options: DnsDiscoveryOptions): Promise<DnsDiscovery> {
    return new DnsDiscovery(options, openNameService(options.servers))
  }

  get place(): string {
    return `dns:${this.#names.map(({ name, port }) => (port === undefined ? name : `${name}:${port}`)).join(",")}`
  }

  get statistics(): DiscoveryStatistics {
    return { refused: this.#refused }
  }

  announce(): Promise<Announcement> {
    return Promise.reject(this.#closed ? closedDiscovery(this.tree) : cannotAnnounce(this.place))
  }

  async find(options: DiscoveryCallOptions = {}): Promise<readonly HostRecord[]> {
    checkCall(this.tree, this.#closed, options.signal)
    return heeding(options.signal, this.#ask())
  }

  watch(listener: (hosts: readonly HostRecord[]) => void): () => void {
    if (this.#closed) throw closedDiscovery(this.tree)
    const stop = this.#watchers.add(listener)
    if (this.#timer === undefined) this.#refresh()
    return stop
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#watchers.clear()
    this.#service.cancel()
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #refresh(): void {
    // Many endpoints that started together do not ask together for ever.
    const waitMs = this.#refreshMs * (0.75 + this.#random.float() / 2)
    this.#timer = this.#clock.after(waitMs, () => {
      this.#timer = undefined
      if (this.#watchers.size > 0) this.#refresh()
    })
    this.#ask().catch(error => {
      if (!this.#closed) this.#logger.debug("names could not be resolved", { reason: messageOf(error) })
    })
  }

  /** Those who ask at the same time share the answer. */
  #ask(): Promise<readonly HostRecord[]> {
    this.#asking ??= this.#askAll().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #askAll(): Promise<readonly HostRecord[]> {
    let late: Timer | undefined
    const limit = new Promise<never>((_, reject) => {
      late = this.#clock.after(this.#timeoutMs, () =>
        reject(
          new ZincError("Timeout", `no answer from the name servers in ${this.#timeoutMs} ms`, { retryable: true }),
        ),
      )
    })
    try {
      const found = await Promise.race([limit, Promise.all(this.#names.map(name => this.#hostsOf(name)))])
      if (this.#closed) throw closedDiscovery(this.tree)
      const hosts = found.flat()
      this.#refused += Math.max(0, hosts.length - hostsMax)
      this.#hosts = hosts.slice(0, hostsMax)
      this.#watchers.changed()
      return this.#hosts
    } finally {
      late?.cancel()
    }
  }

  async #hostsOf({ name, port }: Name): Promise<HostRecord[]> {
    if (port !== undefined) {
      const ips = await this.#resolved(() => this.#service.addresses(name))
      return [...ips].sort().map(host => ({ addresses: [tcp(host, port)] }))
    }
    const targets = (await this.#resolved(() => this.#service.targets(name))).slice(0, namesMax)
    const hosts = await Promise.all(
      inOrder(targets).map(async target => {
        const ips = [...(await this.#resolved(() => this.#service.addresses(target.name)))].sort()
        return { addresses: ips.slice(0, addressesMax).map(host => tcp(host, target.port)) }
      }),
    )
    return hosts.filter(host => host.addresses.length > 0)
  }

  /** A name that is not there has no addresses; a name server that is not there is an error. */
  async #resolved<T>(ask: () => Promise<readonly T[]>): Promise<readonly T[]> {
    try {
      return await ask()
    } catch (cause) {
      const { code } = cause as { code?: unknown }
      if (code === "ENOTFOUND" || code === "ENODATA") return []
      if (this.#closed) throw closedDiscovery(this.tree)
      throw new ZincError("Unreachable", `${this.place} could not be resolved: ${messageOf(cause)}`, {
        cause,
        retryable: true,
      })
    }
  }
}

/** Lower priorities first, then the heavier. To spread joiners is for those who join: an order that changes would be news. */
function inOrder(targets: readonly ServiceTarget[]): ServiceTarget[] {
  return [...targets].sort(
    (a, b) =>
      a.priority - b.priority || b.weight - a.weight || (`${a.name}:${a.port}` < `${b.name}:${b.port}` ? -1 : 1),
  )
}

function tcp(host: string, port: number): string {
  return `tcp://${serverText({ host, port })}`
}

function namesOf(given: string | readonly string[]): Name[] {
  const texts = typeof given === "string" ? given.split(",") : [...given]
  if (texts.length < 1 || texts.length > namesMax) throw new ZincError("BadOption", `names are 1 to ${namesMax}`)
  return texts.map(text => {
    const match = /^([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}))(?::(\d{1,5}))?$/.exec(String(text).trim())
    const port = Number(match?.[2] ?? 7700)
    if (match === null || port < 1 || port > 65_535)
      throw new ZincError(
        "BadAddress",
        `"${String(text).slice(0, 80)}" is no name: write hub.example:7700 or _zinc._tcp.example`,
      )
    const name = match[1]!
    if (name.startsWith("_") && match[2] !== undefined)
      throw new ZincError("BadAddress", `"${name}" is a service, which says its port by itself: leave the port out`)
    return { name, port: name.startsWith("_") ? undefined : port }
  })
}

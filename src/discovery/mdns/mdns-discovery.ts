/** Hosts on the LAN, by multicast DNS. It needs no server and no configuration, and a network that carries multicast. */
import multicastDns, { type MulticastDNS } from "multicast-dns"
import { type Clock, sleep, systemClock } from "../../core/clock.ts"
import { type Deferred, deferred } from "../../core/deferred.ts"
import { messageOf, ZincError } from "../../core/errors.ts"
import { type Logger, silentLogger } from "../../core/logger.ts"
import { checkTreeName } from "../../core/name.ts"
import { type Random, systemRandom } from "../../core/random.ts"
import type {
  Announcement,
  Discovery,
  DiscoveryCallOptions,
  DiscoveryStatistics,
  DiscoverySupport,
} from "../discovery.ts"
import { checkCall, closedDiscovery, heeding } from "../discovery-call.ts"
import { type AnnouncedHost, encodeHostRecord, type HostRecord } from "../host-record.ts"
import { HostWatchers } from "../host-watchers.ts"
import { LanHosts, type Question, ttlSeconds } from "./lan-hosts.ts"
import type { DnsRecord } from "./service-record.ts"

export interface MdnsDiscoveryOptions {
  readonly tree: string
  /** How long the first `find` gathers answers, in milliseconds. Default 500. */
  readonly waitMs?: number
  /** An IPv4 address of this machine, to talk on that network alone. Default: all of them. */
  readonly network?: string
  /** Default 5353, where everybody else is. Another one meets only those who chose it too. */
  readonly port?: number
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
}

const closingMs = 500

/** The packet library takes the octets of texts as Buffers only, and throws past us at anything else. */
function asPacked(record: DnsRecord): unknown {
  return record.type === "TXT" ? { ...record, data: record.data.map(text => Buffer.from(text)) } : record
}

export class MdnsDiscovery implements Discovery {
  readonly tree: string
  readonly supports: DiscoverySupport = { announce: true, lingerMs: ttlSeconds * 1_000 }
  readonly #wire: MulticastDNS
  readonly #hosts: LanHosts
  readonly #watchers: HostWatchers
  readonly #clock: Clock
  readonly #waitMs: number
  readonly #port: number
  readonly #logger: Logger
  #gathered: Deferred<void> | undefined
  #closed: Promise<void> | undefined

  private constructor(options: MdnsDiscoveryOptions, wire: MulticastDNS) {
    const {
      tree,
      waitMs = 500,
      port = 5353,
      clock = systemClock,
      random = systemRandom,
      logger = silentLogger,
    } = options
    this.tree = tree
    this.#wire = wire
    this.#waitMs = waitMs
    this.#port = port
    this.#clock = clock
    this.#logger = logger
    this.#watchers = new HostWatchers(clock, () => this.#known(), logger)
    this.#hosts = new LanHosts({
      tree,
      clock,
      random,
      respond: answers => wire.respond({ answers: answers.map(asPacked) as never }),
      query: questions => wire.query({ questions: [...questions] as never }),
      changed: () => this.#watchers.changed(),
    })
    wire.on("query", packet => this.#hosts.hearQuery((packet.questions ?? []) as readonly Question[]))
    wire.on("response", packet =>
      this.#hosts.hearResponse([...(packet.answers ?? []), ...(packet.additionals ?? [])] as DnsRecord[]),
    )
    // Packets that are none, and networks that come and go.
    wire.on("warning", error => this.#debug("a packet on the LAN was lost or is none", error))
    wire.on("error", error => this.#debug("multicast failed", error))
  }

  /** Rejects with `BadOption`, or with `Unreachable` when this machine lets nobody use the port. */
  static async open(options: MdnsDiscoveryOptions): Promise<MdnsDiscovery> {
    const { tree, network, port } = options
    checkTreeName(tree)
    const wire = multicastDns({
      ...(network === undefined ? {} : { interface: network, bind: "0.0.0.0" }),
      ...(port === undefined ? {} : { port }),
    })
    await new Promise<void>((resolve, reject) => {
      wire.once("ready", resolve)
      wire.once("error", (cause: Error) => {
        wire.destroy()
        reject(new ZincError("Unreachable", `multicast DNS cannot be used here: ${messageOf(cause)}`, { cause }))
      })
    })
    return new MdnsDiscovery(options, wire)
  }

  get place(): string {
    return `mdns:${this.tree}${this.#port === 5353 ? "" : ` at port ${this.#port}`}`
  }

  get statistics(): DiscoveryStatistics {
    return { refused: this.#hosts.refused }
  }

  async announce(host: AnnouncedHost, options: DiscoveryCallOptions = {}): Promise<Announcement> {
    encodeHostRecord(this.tree, host)
    checkCall(this.tree, this.#closed !== undefined, options.signal)
    const { id } = host
    this.#hosts.announce(host)
    let withdrawn = false
    return {
      update: changed => {
        encodeHostRecord(this.tree, { ...changed, id })
        if (!withdrawn && this.#closed === undefined) this.#hosts.announce({ ...changed, id })
      },
      withdraw: async () => {
        if (withdrawn || this.#closed !== undefined) return
        withdrawn = true
        this.#hosts.withdraw(id)
        await this.#said()
      },
    }
  }

  async find(options: DiscoveryCallOptions = {}): Promise<readonly HostRecord[]> {
    checkCall(this.tree, this.#closed !== undefined, options.signal)
    await heeding(options.signal, this.#gather())
    return this.#hosts.hosts
  }

  watch(listener: (hosts: readonly HostRecord[]) => void): () => void {
    if (this.#closed !== undefined) throw closedDiscovery(this.tree)
    void this.#gather()
    return this.#watchers.add(listener)
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#watchers.clear()
      this.#hosts.close()
      await this.#said()
      await new Promise<void>(resolve => this.#wire.destroy(() => resolve()))
    })()
    return this.#closed
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Nobody is known to be there only once there was time to answer. */
  #known(): readonly HostRecord[] | undefined {
    const { hosts } = this.#hosts
    return hosts.length > 0 || this.#gathered?.settled === true ? hosts : undefined
  }

  /** Asks, the first time, and resolves when there was time to answer. */
  #gather(): Promise<void> {
    if (this.#gathered === undefined) {
      const gathered = deferred()
      this.#gathered = gathered
      this.#hosts.ask()
      this.#clock.after(this.#waitMs, () => {
        gathered.resolve()
        this.#watchers.changed()
      })
    }
    return this.#gathered.promise
  }

  /** Good-byes are said before the socket goes, in bounded time. */
  async #said(): Promise<void> {
    const endAt = this.#clock.now() + closingMs
    while (!this.#hosts.quiet && this.#clock.now() < endAt) await sleep(this.#clock, 5)
  }

  #debug(message: string, error: Error): void {
    if (this.#closed === undefined) this.#logger.debug(message, { reason: messageOf(error) })
  }
}

/** Hosts as keys `zinc/<tree>/hosts/<id>`, tied to one lease that ends when its owner stops renewing it. */
import { type Clock, sleep, systemClock } from "../../core/clock.ts"
import { type Deferred, deferred } from "../../core/deferred.ts"
import { messageOf } from "../../core/errors.ts"
import { type Logger, silentLogger } from "../../core/logger.ts"
import { checkTreeName, treeSegment } from "../../core/name.ts"
import { EtcdError, type EtcdGateway } from "../../external/etcd/gateway.ts"
import { base64, entryOf } from "../../external/etcd/key.ts"
import { KeyMirror, rangeOf } from "../../external/etcd/key-mirror.ts"
import { Lease } from "../../external/etcd/lease.ts"
import { checkedPrefix, type EtcdOptions, openEtcdGateway } from "../../external/etcd/open-gateway.ts"
import { checkMilliseconds } from "../../external/times.ts"
import type {
  Announcement,
  Discovery,
  DiscoveryCallOptions,
  DiscoveryStatistics,
  DiscoverySupport,
} from "../discovery.ts"
import { checkCall, closedDiscovery, heeding } from "../discovery-call.ts"
import { type AnnouncedHost, encodeHostRecord, type HostRecord, hostsMax } from "../host-record.ts"
import { HostWatchers } from "../host-watchers.ts"
import { SeenHosts } from "../seen-hosts.ts"

export interface EtcdDiscoveryOptions extends EtcdOptions {
  readonly tree: string
  /** How long announcements outlive us, in milliseconds; whole seconds count. Default 5,000; etcd grants at least 2,000. */
  readonly ttlMs?: number
}

const pauseMs = 200
/** A watch may die without a word: everything is listed this often all the same. */
const listEveryMs = 15_000
const closingMs = 800
/** Keys of one transaction; etcd takes 128 unless told otherwise. */
const batchMax = 100

export class EtcdDiscovery implements Discovery {
  readonly tree: string
  readonly supports: DiscoverySupport
  readonly #gateway: EtcdGateway
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #folder: string
  readonly #lease: Lease
  readonly #mirror: KeyMirror
  readonly #watchers: HostWatchers
  readonly #seen: SeenHosts
  /** By key: what is to be there, while we are. */
  readonly #announced = new Map<string, Uint8Array>()
  /** By key: who waits for it to be written. */
  readonly #unwritten = new Map<string, Deferred<void>[]>()
  #writing = false
  #refusedInFinds = 0
  #listed = false
  #closed: Promise<void> | undefined

  private constructor(options: EtcdDiscoveryOptions) {
    const { tree, clock = systemClock, logger = silentLogger, ttlMs = 5_000 } = options
    checkTreeName(tree)
    checkMilliseconds("ttlMs", ttlMs, 1_000, 3_600_000)
    this.tree = tree
    // etcd looks for leases that ended twice a second, and a new leader of etcd gives every lease its whole time again.
    this.supports = { announce: true, lingerMs: Math.max(ttlMs, 2_000) * 3 }
    this.#folder = `${checkedPrefix(options.prefix)}/${treeSegment(tree)}/hosts/`
    this.#clock = clock
    this.#logger = logger
    this.#seen = new SeenHosts(tree)
    this.#watchers = new HostWatchers(clock, () => (this.#listed ? this.#seen.hosts : undefined), logger)
    const { gateway } = openEtcdGateway(options)
    this.#gateway = gateway
    this.#lease = new Lease({ gateway, clock, ttlMs, logger, renewed: () => this.#writeAll() })
    this.#mirror = new KeyMirror({
      gateway,
      clock,
      logger,
      ...this.#range,
      listEveryMs,
      changed: entries => {
        for (const { key, value, modRevision } of entries.values()) this.#seen.take(key, String(modRevision), value)
        this.#seen.keep(new Set(entries.keys()))
        this.#listed = true
        this.#watchers.changed()
      },
    })
  }

  /** Connects to nobody yet: etcd may come later. Rejects with `BadAddress` or `BadOption`. */
  static async open(options: EtcdDiscoveryOptions): Promise<EtcdDiscovery> {
    return new EtcdDiscovery(options)
  }

  get place(): string {
    return `${this.#gateway.place}/${this.#folder}`
  }

  get statistics(): DiscoveryStatistics {
    return { refused: this.#seen.refused + this.#refusedInFinds }
  }

  async announce(host: AnnouncedHost, options: DiscoveryCallOptions = {}): Promise<Announcement> {
    const bytes = encodeHostRecord(this.tree, host)
    checkCall(this.tree, this.#closed !== undefined, options.signal)
    const key = this.#folder + host.id
    const before = this.#announced.get(key)
    this.#announced.set(key, bytes)
    try {
      await heeding(options.signal, this.#write(key))
    } catch (error) {
      if (before === undefined) this.#announced.delete(key)
      else this.#announced.set(key, before)
      throw error
    }
    return {
      update: changed => {
        const next = encodeHostRecord(this.tree, { ...changed, id: host.id })
        if (!this.#announced.has(key)) return
        this.#announced.set(key, next)
        void this.#keep(key)
      },
      withdraw: async () => {
        if (!this.#announced.delete(key) || this.#closed !== undefined) return
        await this.#gateway
          .ask("/v3/kv/deleterange", { key: base64(key) }, { harmless: true })
          .catch(error => this.#debug("a host could not be withdrawn", error))
      },
    }
  }

  async find(options: DiscoveryCallOptions = {}): Promise<readonly HostRecord[]> {
    checkCall(this.tree, this.#closed !== undefined, options.signal)
    const answer = await this.#gateway.ask("/v3/kv/range", rangeOf(this.#range), { harmless: true, ...options })
    const seen = new SeenHosts(this.tree)
    for (const kv of Array.isArray(answer.kvs) ? answer.kvs : []) {
      const { key, value, modRevision } = entryOf(kv)
      seen.take(key, String(modRevision), value)
    }
    this.#refusedInFinds += seen.refused
    return seen.hosts
  }

  watch(listener: (hosts: readonly HostRecord[]) => void): () => void {
    if (this.#closed !== undefined) throw closedDiscovery(this.tree)
    const stop = this.#watchers.add(listener)
    this.#mirror.start()
    return stop
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#watchers.clear()
      const hadSome = this.#announced.size > 0
      this.#announced.clear()
      const timer = this.#clock.after(closingMs, () => this.#gateway.close())
      if (hadSome) await this.#lease.revoke().catch(() => {})
      timer.cancel()
      this.#gateway.close()
    })()
    return this.#closed
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  get #range(): { key: string; prefix: boolean; entriesMax: number } {
    return { key: this.#folder, prefix: true, entriesMax: hostsMax }
  }

  /** Resolves when it is there. What is asked for meanwhile goes into one transaction. */
  #write(key: string): Promise<void> {
    const written = deferred()
    const waiting = this.#unwritten.get(key)
    if (waiting === undefined) this.#unwritten.set(key, [written])
    else waiting.push(written)
    if (!this.#writing) {
      this.#writing = true
      void this.#writeUnwritten()
    }
    return written.promise
  }

  async #writeUnwritten(): Promise<void> {
    while (this.#unwritten.size > 0) {
      const batch = [...this.#unwritten].slice(0, batchMax)
      for (const [key] of batch) this.#unwritten.delete(key)
      const waiting = batch.flatMap(([, each]) => each)
      try {
        await this.#writeBatch(batch.map(([key]) => key))
        for (const each of waiting) each.resolve()
      } catch (error) {
        for (const each of waiting) each.reject(error)
      }
    }
    this.#writing = false
  }

  async #writeBatch(keys: readonly string[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const lease = await this.#lease.id()
      const success = keys.flatMap(key => {
        const value = this.#announced.get(key)
        return value === undefined ? [] : [{ request_put: { key: base64(key), value: base64(value), lease } }]
      })
      try {
        await this.#gateway.ask("/v3/kv/txn", { success }, { harmless: true })
        return
      } catch (error) {
        if (attempt > 2 || !(error instanceof EtcdError && error.isAbsence)) throw error
        this.#lease.lost(lease)
      }
    }
  }

  /** Until it is there, or is not wanted any more. */
  async #keep(key: string): Promise<void> {
    while (this.#closed === undefined && this.#announced.has(key)) {
      try {
        return await this.#write(key)
      } catch (error) {
        this.#debug("a host could not be announced", error)
        await sleep(this.#clock, pauseMs)
      }
    }
  }

  async #writeAll(): Promise<void> {
    await Promise.all([...this.#announced.keys()].map(key => this.#write(key)))
  }

  #debug(message: string, error: unknown): void {
    if (this.#closed === undefined) this.#logger.debug(message, { reason: messageOf(error) })
  }
}

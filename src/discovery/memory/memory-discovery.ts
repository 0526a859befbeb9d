/** Hosts of this process find each other: the contract's twin, for tests and the simulator. */
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
import { checkCall, closedDiscovery } from "../discovery-call.ts"
import { type AnnouncedHost, encodeHostRecord, type HostRecord } from "../host-record.ts"
import { HostWatchers } from "../host-watchers.ts"
import { SeenHosts } from "../seen-hosts.ts"

/** What several share: the list. */
export class MemoryHosts {
  readonly #entries = new Map<string, { readonly writing: number; readonly bytes: Uint8Array }>()
  readonly #subscribers = new Set<() => void>()
  #writings = 0
  #reachable = true

  /** False: as if nobody could reach the list. Nothing in it is lost. */
  get reachable(): boolean {
    return this.#reachable
  }
  set reachable(reachable: boolean) {
    this.#reachable = reachable
    this.#tell()
  }

  /** Keys are "tree\0id". Undefined removes. */
  put(key: string, bytes: Uint8Array | undefined): void {
    if (bytes === undefined) this.#entries.delete(key)
    else this.#entries.set(key, { writing: ++this.#writings, bytes: bytes.slice() })
    this.#tell()
  }

  get entries(): ReadonlyMap<string, { readonly writing: number; readonly bytes: Uint8Array }> {
    return this.#entries
  }

  subscribe(changed: () => void): () => void {
    this.#subscribers.add(changed)
    return () => {
      this.#subscribers.delete(changed)
    }
  }

  #tell(): void {
    for (const changed of [...this.#subscribers]) changed()
  }
}

export interface MemoryDiscoveryOptions {
  readonly tree: string
  /** The list; give the same one to all that shall find each other. Default: one of its own. */
  readonly hosts?: MemoryHosts
  readonly clock?: Clock
  readonly logger?: Logger
}

export class MemoryDiscovery implements Discovery {
  readonly tree: string
  readonly place = "memory of this process"
  readonly supports: DiscoverySupport = { announce: true, lingerMs: 0 }
  readonly #hosts: MemoryHosts
  readonly #seen: SeenHosts
  readonly #watchers: HostWatchers
  readonly #announced = new Set<string>()
  readonly #unsubscribe: () => void
  #closed = false

  constructor(options: MemoryDiscoveryOptions) {
    const { tree, hosts = new MemoryHosts(), clock = systemClock, logger } = options
    checkTreeName(tree)
    this.tree = tree
    this.#hosts = hosts
    this.#seen = new SeenHosts(tree)
    this.#watchers = new HostWatchers(clock, () => (hosts.reachable ? this.#look() : undefined), logger)
    this.#unsubscribe = hosts.subscribe(() => this.#watchers.changed())
  }

  get statistics(): DiscoveryStatistics {
    return { refused: this.#seen.refused }
  }

  async announce(host: AnnouncedHost, options: DiscoveryCallOptions = {}): Promise<Announcement> {
    const bytes = encodeHostRecord(this.tree, host)
    checkCall(this.tree, this.#closed, options.signal)
    this.#checkReachable()
    const key = `${this.tree}\0${host.id}`
    this.#announced.add(key)
    this.#hosts.put(key, bytes)
    return {
      update: changed => {
        const next = encodeHostRecord(this.tree, { ...changed, id: host.id })
        if (this.#announced.has(key)) this.#hosts.put(key, next)
      },
      withdraw: async () => {
        if (this.#announced.delete(key)) this.#hosts.put(key, undefined)
      },
    }
  }

  async find(options: DiscoveryCallOptions = {}): Promise<readonly HostRecord[]> {
    checkCall(this.tree, this.#closed, options.signal)
    this.#checkReachable()
    return this.#look()
  }

  watch(listener: (hosts: readonly HostRecord[]) => void): () => void {
    if (this.#closed) throw closedDiscovery(this.tree)
    return this.#watchers.add(listener)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#unsubscribe()
    this.#watchers.clear()
    for (const key of this.#announced) this.#hosts.put(key, undefined)
    this.#announced.clear()
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #look(): HostRecord[] {
    const prefix = `${this.tree}\0`
    const keys = new Set<string>()
    for (const [key, { writing, bytes }] of this.#hosts.entries) {
      if (!key.startsWith(prefix)) continue
      keys.add(key)
      this.#seen.take(key, String(writing), bytes)
    }
    this.#seen.keep(keys)
    return this.#seen.hosts
  }

  #checkReachable(): void {
    if (!this.#hosts.reachable)
      throw new ZincError("Unreachable", `the hosts of "${this.tree}" are out of reach`, { retryable: true })
  }
}

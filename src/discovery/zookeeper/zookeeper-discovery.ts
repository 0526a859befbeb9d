/**
 * Hosts as nodes `/zinc/<tree>/hosts/<id>` that live as long as the session of who made them. A session that the ensemble
 * has given up is replaced, and its nodes are made again.
 */
import { type Clock, sleep, systemClock } from "../../core/clock.ts"
import { messageOf } from "../../core/errors.ts"
import { type Logger, silentLogger } from "../../core/logger.ts"
import { checkTreeName, treeSegment } from "../../core/name.ts"
import { ensurePath } from "../../external/zookeeper/lasting-path.ts"
import { checkedRoot, openZooKeeperSession, type ZooKeeperOptions } from "../../external/zookeeper/open-session.ts"
import {
  createNode,
  deleteNode,
  listChildren,
  type NodeData,
  nodeExists,
  type Operation,
  Reply,
  readNode,
  syncNode,
  writeNode,
  ZooKeeperError,
} from "../../external/zookeeper/operation.ts"
import type { ZooKeeperSession } from "../../external/zookeeper/session.ts"
import type {
  Announcement,
  Discovery,
  DiscoveryCallOptions,
  DiscoveryStatistics,
  DiscoverySupport,
} from "../discovery.ts"
import { checkCall, closedDiscovery } from "../discovery-call.ts"
import { type AnnouncedHost, encodeHostRecord, type HostRecord, hostsMax } from "../host-record.ts"
import { HostWatchers } from "../host-watchers.ts"
import { SeenHosts } from "../seen-hosts.ts"

export interface ZooKeeperDiscoveryOptions extends ZooKeeperOptions {
  readonly tree: string
}

/** Between two attempts at what must be done in the end. */
const pauseMs = 200

export class ZooKeeperDiscovery implements Discovery {
  readonly tree: string
  readonly supports: DiscoverySupport
  readonly #session: ZooKeeperSession
  readonly #folder: string
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #seen: SeenHosts
  readonly #watchers: HostWatchers
  /** By path: what is to be there, while we are. */
  readonly #announced = new Map<string, Uint8Array>()
  #closed = false
  #refusedInFinds = 0
  #listed = false
  #listing = false
  #listAgain = false

  private constructor(options: ZooKeeperDiscoveryOptions) {
    const { tree, clock = systemClock, logger = silentLogger, sessionMs = 4_000 } = options
    checkTreeName(tree)
    this.tree = tree
    // A session ends with a tick of the server, and a server that was away gives every session its whole time again.
    this.supports = { announce: true, lingerMs: sessionMs * 3 }
    this.#folder = `${checkedRoot(options.root)}/${treeSegment(tree)}/hosts`
    this.#clock = clock
    this.#logger = logger
    this.#seen = new SeenHosts(tree)
    this.#watchers = new HostWatchers(clock, () => (this.#listed ? this.#seen.hosts : undefined), logger)
    this.#session = openZooKeeperSession(options)
    const { events } = this.#session
    events.on("connected", () => {
      for (const path of this.#announced.keys()) void this.#keep(path)
      this.#list()
    })
    events.on("watch", ({ path }) => this.#noticed(path))
  }

  /** Begins to connect and does not wait for it: the ensemble may come later. Rejects with `BadAddress` or `BadOption`. */
  static async open(options: ZooKeeperDiscoveryOptions): Promise<ZooKeeperDiscovery> {
    return new ZooKeeperDiscovery(options)
  }

  get place(): string {
    return `${this.#session.place}${this.#folder}`
  }

  get statistics(): DiscoveryStatistics {
    return { refused: this.#seen.refused + this.#refusedInFinds }
  }

  async announce(host: AnnouncedHost, options: DiscoveryCallOptions = {}): Promise<Announcement> {
    const bytes = encodeHostRecord(this.tree, host)
    checkCall(this.tree, this.#closed, options.signal)
    const path = `${this.#folder}/${host.id}`
    const before = this.#announced.get(path)
    this.#announced.set(path, bytes)
    try {
      await this.#publish(path, options.signal)
    } catch (error) {
      if (before === undefined) this.#announced.delete(path)
      else this.#announced.set(path, before)
      throw error
    }
    return {
      update: changed => {
        const next = encodeHostRecord(this.tree, { ...changed, id: host.id })
        if (!this.#announced.has(path)) return
        this.#announced.set(path, next)
        void this.#keep(path)
      },
      withdraw: async () => {
        if (!this.#announced.delete(path)) return
        await this.#session.ask(deleteNode(path)).catch(error => this.#debug("a host could not be withdrawn", error))
      },
    }
  }

  async find(options: DiscoveryCallOptions = {}): Promise<readonly HostRecord[]> {
    const { signal } = options
    checkCall(this.tree, this.#closed, signal)
    const seen = new SeenHosts(this.tree)
    const [, names] = await Promise.all([
      this.#session.ask(syncNode(this.#folder), signal),
      absentAs(this.#session.ask(listChildren(this.#folder), signal), []),
    ])
    await Promise.all(names.slice(0, hostsMax).map(name => this.#read(seen, name, false, signal)))
    this.#refusedInFinds += seen.refused
    return seen.hosts
  }

  watch(listener: (hosts: readonly HostRecord[]) => void): () => void {
    if (this.#closed) throw closedDiscovery(this.tree)
    const stop = this.#watchers.add(listener)
    this.#list()
    return stop
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#announced.clear()
    this.#watchers.clear()
    await this.#session.close()
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // ---- announcing ----

  /** Until it is there, or is not wanted any more. */
  async #keep(path: string): Promise<void> {
    while (!this.#closed && this.#announced.has(path)) {
      try {
        await this.#publish(path)
        return
      } catch (error) {
        this.#debug("a host could not be announced", error)
        await sleep(this.#clock, pauseMs)
      }
    }
  }

  async #publish(path: string, signal?: AbortSignal): Promise<void> {
    for (;;) {
      const data = this.#announced.get(path)
      if (data === undefined) return
      const reply = await this.#try(
        createNode({ path, data, access: this.#session.access, ephemeral: true }),
        [Reply.NoNode, Reply.NodeExists],
        signal,
      )
      if (reply === Reply.Ok) return
      if (reply === Reply.NoNode) await ensurePath(this.#session, this.#folder, signal)
      else if (await this.#ours(path, signal)) {
        if ((await this.#try(writeNode(path, data), [Reply.NoNode], signal)) === Reply.Ok) return
      }
      // Left by a session of ours that is over, and bound to go with it: away with it before that.
      else await this.#try(deleteNode(path), [Reply.NoNode], signal)
    }
  }

  async #ours(path: string, signal?: AbortSignal): Promise<boolean> {
    const stat = await absentAs(this.#session.ask(nodeExists(path), signal), undefined)
    return stat !== undefined && stat.owner === this.#session.sessionId
  }

  /** The reply, if it is fine or one of these; else it throws. */
  async #try(operation: Operation<unknown>, replies: readonly number[], signal?: AbortSignal): Promise<number> {
    try {
      await this.#session.ask(operation, signal)
      return Reply.Ok
    } catch (error) {
      if (error instanceof ZooKeeperError && replies.includes(error.reply)) return error.reply
      throw error
    }
  }

  // ---- watching ----

  #noticed(path: string): void {
    if (this.#watchers.size === 0) return
    if (!path.startsWith(`${this.#folder}/`)) {
      this.#list()
      return
    }
    const name = path.slice(this.#folder.length + 1)
    this.#read(this.#seen, name, true)
      .then(() => this.#watchers.changed())
      .catch(error => {
        this.#debug("a host could not be read", error)
        this.#list()
      })
  }

  /** One listing at a time, and once more if something happened meanwhile. */
  #list(): void {
    if (this.#watchers.size === 0 || this.#closed) return
    this.#listAgain = true
    if (this.#listing) return
    this.#listing = true
    void this.#listWhileAsked().finally(() => {
      this.#listing = false
    })
  }

  async #listWhileAsked(): Promise<void> {
    while (this.#listAgain && !this.#closed) {
      this.#listAgain = false
      try {
        await this.#listOnce()
      } catch (error) {
        this.#debug("hosts could not be listed", error)
        this.#listAgain = true
        await sleep(this.#clock, pauseMs)
      }
    }
  }

  async #listOnce(): Promise<void> {
    // A folder that is not there yet is watched for, since it cannot be listed.
    const watched = absentAs(this.#session.ask(nodeExists(this.#folder, true)), undefined)
    const listed = absentAs(this.#session.ask(listChildren(this.#folder, true)), [])
    const [, names] = await Promise.all([watched, listed])
    const some = names.slice(0, hostsMax)
    await Promise.all(some.map(name => this.#read(this.#seen, name, true)))
    this.#seen.keep(new Set(some))
    this.#listed = true
    this.#watchers.changed()
  }

  async #read(seen: SeenHosts, name: string, watch: boolean, signal?: AbortSignal): Promise<void> {
    const asked = this.#session.ask(readNode(`${this.#folder}/${name}`, watch), signal)
    const node = await absentAs<NodeData | undefined>(asked, undefined)
    if (node === undefined) seen.remove(name)
    else seen.take(name, `${node.stat.mzxid}`, node.data)
  }

  #debug(message: string, error: unknown): void {
    if (!this.#closed) this.#logger.debug(message, { reason: messageOf(error) })
  }
}

async function absentAs<T>(asked: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof ZooKeeperError && error.reply === Reply.NoNode) return otherwise
    throw error
  }
}

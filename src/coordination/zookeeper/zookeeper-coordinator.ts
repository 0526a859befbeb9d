/**
 * The root record in ZooKeeper, at `/zinc/<tree>/root`. Below it lies one node per generation, empty, named after it: every
 * change checks that node in the same transaction, so that the record of a wiped or restored ensemble, whose versions
 * count from nought again, never passes for the one that was read.
 */
import { noBytes } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { Events } from "../../core/events.ts"
import { type Logger, silentLogger } from "../../core/logger.ts"
import { checkTreeName, treeSegment } from "../../core/name.ts"
import { ensurePath } from "../../external/zookeeper/lasting-path.ts"
import { checkedRoot, openZooKeeperSession, type ZooKeeperOptions } from "../../external/zookeeper/open-session.ts"
import {
  checkNode,
  createNode,
  deleteNode,
  type NodeData,
  type NodeStat,
  nodeExists,
  Reply,
  readNode,
  syncNode,
  transaction,
  writeNode,
  ZooKeeperError,
} from "../../external/zookeeper/operation.ts"
import type { ZooKeeperSession } from "../../external/zookeeper/session.ts"
import {
  Contact,
  type Coordinator,
  type CoordinatorCallOptions,
  type CoordinatorEvent,
  type CoordinatorSupport,
  type HeldRecord,
  type RecordSight,
  type RecordVersion,
} from "../coordinator.ts"
import { checkTreeOf, closedCoordinator, conflict, sightOf } from "../record-call.ts"
import { RecordWatchers } from "../record-watchers.ts"
import { decodeRootRecord, encodeRootRecord, type RootRecord } from "../root-record.ts"

export interface ZooKeeperCoordinatorOptions extends ZooKeeperOptions {
  readonly tree: string
}

export class ZooKeeperCoordinator implements Coordinator {
  readonly tree: string
  readonly supports: CoordinatorSupport = { durable: true, shared: true }
  readonly #session: ZooKeeperSession
  readonly #folder: string
  readonly #path: string
  readonly #logger: Logger
  readonly #events: Events<CoordinatorEvent>
  readonly #watchers: RecordWatchers
  #everConnected = false
  #closed = false
  #looking = false
  #lookAgain = false

  private constructor(options: ZooKeeperCoordinatorOptions) {
    checkTreeName(options.tree)
    this.tree = options.tree
    this.#folder = `${checkedRoot(options.root)}/${treeSegment(options.tree)}`
    this.#path = `${this.#folder}/root`
    this.#logger = options.logger ?? silentLogger
    this.#events = new Events(this.#logger)
    this.#watchers = new RecordWatchers(this.#logger)
    this.#session = openZooKeeperSession(options)
    const { events } = this.#session
    events.on("connected", () => this.#look())
    events.on("watch", ({ path }) => {
      if (path === this.#path) this.#look()
    })
    events.on("contact", ({ connected, reason }) => {
      if (connected) this.#everConnected = true
      this.#events.emit({ type: "contact", contact: this.contact, reason })
    })
  }

  /** Begins to connect and does not wait for it: the ensemble may come later. Rejects with `BadAddress` or `BadOption`. */
  static async open(options: ZooKeeperCoordinatorOptions): Promise<ZooKeeperCoordinator> {
    return new ZooKeeperCoordinator(options)
  }

  get place(): string {
    return `${this.#session.place}${this.#path}`
  }

  get contact(): Contact {
    if (this.#closed) return Contact.Closed
    if (this.#session.connected) return Contact.Connected
    return this.#everConnected ? Contact.Silent : Contact.Connecting
  }

  async read(options: CoordinatorCallOptions = {}): Promise<HeldRecord | undefined> {
    const node = await this.#node(options.signal)
    return node === undefined ? undefined : this.#held(node)
  }

  async compareAndSet(
    expected: HeldRecord | undefined,
    next: RootRecord,
    options: CoordinatorCallOptions = {},
  ): Promise<HeldRecord> {
    checkTreeOf(next, this.tree)
    const data = encodeRootRecord(next)
    if (this.#closed) throw closedCoordinator(this.tree)
    const { signal } = options
    try {
      const stat =
        expected === undefined
          ? await this.#found(next, data, signal)
          : await this.#replace(expected, next, data, signal)
      return { record: decodeRootRecord(data, this.tree), version: versionOf(stat) }
    } catch (error) {
      if (error instanceof ZooKeeperError && error.code === "Conflict") throw conflict(this.tree, this.place)
      throw error
    }
  }

  watch(listener: (sight: RecordSight) => void): () => void {
    if (this.#closed) throw closedCoordinator(this.tree)
    const stop = this.#watchers.add(listener)
    this.#look()
    return stop
  }

  on(type: "contact", listener: (event: CoordinatorEvent) => void): () => void {
    return this.#events.on(type, listener)
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      this.#watchers.clear()
      this.#events.emit({ type: "contact", contact: Contact.Closed, reason: "it was closed" })
    }
    await this.#session.close()
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #found(next: RootRecord, data: Uint8Array, signal?: AbortSignal): Promise<WrittenStat> {
    const { access } = this.#session
    const founding = transaction([
      createNode({ path: this.#path, data, access }),
      createNode({ path: this.#marker(next), data: noBytes, access }),
    ])
    for (let attempt = 1; ; attempt++) {
      try {
        const [mzxid] = await this.#session.ask(founding, signal)
        return { mzxid: mzxid as bigint, version: 0 }
      } catch (error) {
        // The first record of a tree finds no folder to lie in.
        if (attempt > 1 || !(error instanceof ZooKeeperError) || error.reply !== Reply.NoNode) throw error
        await ensurePath(this.#session, this.#folder, signal)
      }
    }
  }

  async #replace(expected: HeldRecord, next: RootRecord, data: Uint8Array, signal?: AbortSignal): Promise<WrittenStat> {
    const write = writeNode(this.#path, data, dataVersionOf(expected.version))
    const marker = this.#marker(expected.record)
    const { access } = this.#session
    const guard =
      next.generation === expected.record.generation
        ? [checkNode(marker)]
        : [deleteNode(marker), createNode({ path: this.#marker(next), data: noBytes, access })]
    const [stat] = await this.#session.ask(transaction([write, ...guard]), signal)
    return stat as NodeStat
  }

  #marker(record: RootRecord): string {
    return `${this.#path}/${record.generation}`
  }

  /** A server may lag behind the leader: it first catches up. */
  async #node(signal?: AbortSignal): Promise<NodeData | undefined> {
    if (this.#closed) throw closedCoordinator(this.tree)
    const [synced, node] = [
      this.#session.ask(syncNode(this.#path), signal),
      this.#session.ask(readNode(this.#path), signal),
    ]
    return (await Promise.all([synced, absentAs(node)]))[1]
  }

  #held(node: NodeData): HeldRecord {
    return { record: decodeRootRecord(node.data, this.tree), version: versionOf(node.stat) }
  }

  /** Looks at the record for those who watch, one look at a time, and once more if something happened meanwhile. */
  #look(): void {
    if (this.#watchers.size === 0 || this.#closed) return
    if (this.#looking) {
      this.#lookAgain = true
      return
    }
    this.#looking = true
    void this.#lookOnce()
      .catch(error => this.#logger.debug("could not look at the root record", { error }))
      .finally(() => {
        this.#looking = false
        if (!this.#lookAgain) return
        this.#lookAgain = false
        this.#look()
      })
  }

  async #lookOnce(): Promise<void> {
    // The watch is set before the record is read, on one connection: no change falls between the two.
    const [watched, read] = [absentAs(this.#session.ask(nodeExists(this.#path, true))), this.#node()]
    const [, node] = await Promise.all([watched, read])
    if (node === undefined) this.#watchers.show("none", { type: "none" })
    else
      this.#watchers.show(
        versionOf(node.stat),
        sightOf(() => this.#held(node)),
      )
  }
}

type WrittenStat = Pick<NodeStat, "mzxid" | "version">

/** The change that wrote it, and the version by which ZooKeeper compares. */
function versionOf({ mzxid, version }: WrittenStat): RecordVersion {
  return `${mzxid}/${version}` as RecordVersion
}

function dataVersionOf(version: RecordVersion): number {
  const match = /^\d+\/(\d+)$/.exec(version)
  if (match === null) throw new ZincError("BadOption", `"${version}" is no version of a record in ZooKeeper`)
  return Number(match[1])
}

async function absentAs<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof ZooKeeperError && error.reply === Reply.NoNode) return undefined
    throw error
  }
}

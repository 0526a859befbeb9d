/**
 * The root record in etcd, under `zinc/<tree>/root`. A change compares the revision that last wrote it, and its octets too:
 * revisions count from one again when a store is wiped.
 */
import type { Clock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import { Events } from "../../core/events.ts"
import { type Logger, silentLogger } from "../../core/logger.ts"
import { checkTreeName, treeSegment } from "../../core/name.ts"
import { ContactTrack } from "../../external/contact.ts"
import type { EtcdGateway } from "../../external/etcd/gateway.ts"
import { base64, type EtcdEntry, entryOf, revisionOfHeader } from "../../external/etcd/key.ts"
import { KeyMirror, rangeOf } from "../../external/etcd/key-mirror.ts"
import { checkedPrefix, type EtcdOptions, openEtcdGateway } from "../../external/etcd/open-gateway.ts"
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

export interface EtcdCoordinatorOptions extends EtcdOptions {
  readonly tree: string
}

export class EtcdCoordinator implements Coordinator {
  readonly tree: string
  readonly supports: CoordinatorSupport = { durable: true, shared: true }
  readonly #gateway: EtcdGateway
  readonly #clock: Clock
  readonly #key: string
  readonly #logger: Logger
  readonly #events: Events<CoordinatorEvent>
  readonly #watchers: RecordWatchers
  readonly #mirror: KeyMirror
  readonly #contact: ContactTrack
  #seen: EtcdEntry | undefined | null = null
  #probing = false
  #everConnected = false
  #closed = false

  private constructor(options: EtcdCoordinatorOptions) {
    checkTreeName(options.tree)
    this.tree = options.tree
    this.#key = `${checkedPrefix(options.prefix)}/${treeSegment(options.tree)}/root`
    this.#logger = options.logger ?? silentLogger
    this.#events = new Events(this.#logger)
    this.#watchers = new RecordWatchers(this.#logger)
    const { gateway, clock, silenceMs } = openEtcdGateway(options)
    this.#gateway = gateway
    this.#clock = clock
    this.#mirror = new KeyMirror({
      gateway,
      clock,
      ...this.#range,
      logger: this.#logger,
      changed: entries => {
        this.#seen = entries.get(this.#key)
        this.#show()
      },
    })
    this.#contact = new ContactTrack({
      clock,
      silenceMs,
      probe: () => void this.#probe(),
      changed: (connected, reason) => {
        if (connected) this.#everConnected = true
        this.#events.emit({ type: "contact", contact: this.contact, reason })
      },
      lost: () => {
        gateway.moveOn()
        this.#mirror.restart()
      },
    })
    void this.#probe()
  }

  /** Begins to connect and does not wait for it: etcd may come later. Rejects with `BadAddress` or `BadOption`. */
  static async open(options: EtcdCoordinatorOptions): Promise<EtcdCoordinator> {
    return new EtcdCoordinator(options)
  }

  get place(): string {
    return `${this.#gateway.place}/${this.#key}`
  }

  get contact(): Contact {
    if (this.#closed) return Contact.Closed
    if (this.#contact.connected) return Contact.Connected
    return this.#everConnected ? Contact.Silent : Contact.Connecting
  }

  async read(options: CoordinatorCallOptions = {}): Promise<HeldRecord | undefined> {
    if (this.#closed) throw closedCoordinator(this.tree)
    const answer = await this.#gateway.ask("/v3/kv/range", rangeOf(this.#range), { harmless: true, ...options })
    const [kv] = Array.isArray(answer.kvs) ? answer.kvs : []
    return kv === undefined ? undefined : this.#held(entryOf(kv))
  }

  async compareAndSet(
    expected: HeldRecord | undefined,
    next: RootRecord,
    options: CoordinatorCallOptions = {},
  ): Promise<HeldRecord> {
    checkTreeOf(next, this.tree)
    const value = encodeRootRecord(next)
    if (this.#closed) throw closedCoordinator(this.tree)
    const key = base64(this.#key)
    const compare =
      expected === undefined
        ? [{ key, target: "VERSION", result: "EQUAL", version: "0" }]
        : [
            { key, target: "MOD", result: "EQUAL", mod_revision: revisionText(expected.version) },
            { key, target: "VALUE", result: "EQUAL", value: valueText(expected.version) },
          ]
    const change = { compare, success: [{ request_put: { key, value: base64(value) } }] }
    const answer = await this.#gateway.ask("/v3/kv/txn", change, { harmless: false, ...options })
    if (answer.succeeded !== true) throw conflict(this.tree, this.place)
    return { record: decodeRootRecord(value, this.tree), version: versionOf(revisionOfHeader(answer), value) }
  }

  watch(listener: (sight: RecordSight) => void): () => void {
    if (this.#closed) throw closedCoordinator(this.tree)
    const stop = this.#watchers.add(listener)
    this.#mirror.start()
    // Not before the caller has what stops it. What is known while the store is silent may be old: it waits.
    void Promise.resolve().then(() => this.#contact.connected && this.#show())
    return stop
  }

  on(type: "contact", listener: (event: CoordinatorEvent) => void): () => void {
    return this.#events.on(type, listener)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#contact.stop()
    this.#watchers.clear()
    this.#gateway.close()
    this.#events.emit({ type: "contact", contact: Contact.Closed, reason: "it was closed" })
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  get #range(): { key: string; prefix: boolean; entriesMax: number } {
    return { key: this.#key, prefix: false, entriesMax: 1 }
  }

  /** Reads the record: that asks the leader, so it says that a change would be possible too. Watches profit as well. */
  async #probe(): Promise<void> {
    if (this.#probing || this.#closed) return
    this.#probing = true
    const sentAt = this.#clock.now()
    try {
      const answer = await this.#gateway.ask("/v3/kv/range", rangeOf(this.#range), { harmless: true })
      this.#contact.answered(sentAt)
      this.#mirror.observe(answer)
    } catch (error) {
      this.#logger.debug("etcd did not answer a probe", { error })
    } finally {
      this.#probing = false
    }
  }

  #show(): void {
    const entry = this.#seen
    if (entry === null || this.#closed) return
    if (entry === undefined) this.#watchers.show("none", { type: "none" })
    else
      this.#watchers.show(
        String(entry.modRevision),
        sightOf(() => this.#held(entry)),
      )
  }

  #held(entry: EtcdEntry): HeldRecord {
    return { record: decodeRootRecord(entry.value, this.tree), version: versionOf(entry.modRevision, entry.value) }
  }
}

/** The revision that wrote it, and what it wrote. */
function versionOf(revision: bigint, value: Uint8Array): RecordVersion {
  return `${revision}/${base64(value)}` as RecordVersion
}

function revisionText(version: RecordVersion): string {
  const text = /^(\d+)\//.exec(version)?.[1]
  if (text === undefined)
    throw new ZincError("BadOption", `"${version.slice(0, 40)}" is no version of a record in etcd`)
  return text
}

function valueText(version: RecordVersion): string {
  return version.slice(version.indexOf("/") + 1)
}

/** Keeps root records in this process: the contract's twin, for tests, the simulator, and trees within one process. */
import { ZincError } from "../../core/errors.ts"
import { Events } from "../../core/events.ts"
import { type Logger, silentLogger } from "../../core/logger.ts"
import { checkTreeName } from "../../core/name.ts"
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

/** What several coordinators share: the store. */
export class MemoryRecords {
  readonly #stored = new Map<string, { readonly bytes: Uint8Array; readonly revision: bigint }>()
  readonly #subscribers = new Set<() => void>()
  #revision = 0n
  #reachable = true

  /** False: as if nobody could reach the store. Nothing in it is lost. */
  get reachable(): boolean {
    return this.#reachable
  }
  set reachable(reachable: boolean) {
    this.#reachable = reachable
    this.#tell()
  }

  /** The octets under a tree's name, and which writing they are. */
  stored(tree: string): { readonly bytes: Uint8Array; readonly revision: bigint } | undefined {
    return this.#stored.get(tree)
  }

  /** Writes octets whatever was there, as somebody with the store's own tools would. Undefined removes them. */
  put(tree: string, bytes: Uint8Array | undefined): bigint {
    this.#revision++
    if (bytes === undefined) this.#stored.delete(tree)
    else this.#stored.set(tree, { bytes: bytes.slice(), revision: this.#revision })
    this.#tell()
    return this.#revision
  }

  /** Calls back after each change, and when the store becomes reachable or stops being so. */
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

export interface MemoryCoordinatorOptions {
  readonly tree: string
  /** The store; give the same one to all that shall see each other. Default: one of its own. */
  readonly records?: MemoryRecords
  readonly logger?: Logger
}

export class MemoryCoordinator implements Coordinator {
  readonly tree: string
  readonly place = "memory of this process"
  readonly supports: CoordinatorSupport = { durable: false, shared: false }
  readonly #records: MemoryRecords
  readonly #events: Events<CoordinatorEvent>
  readonly #watchers: RecordWatchers
  readonly #unsubscribe: () => void
  #told: Contact = Contact.Connected
  #closed = false

  constructor(options: MemoryCoordinatorOptions) {
    const { tree, records = new MemoryRecords(), logger = silentLogger } = options
    checkTreeName(tree)
    this.tree = tree
    this.#records = records
    this.#events = new Events(logger)
    this.#watchers = new RecordWatchers(logger)
    this.#told = this.contact
    this.#unsubscribe = records.subscribe(() => this.#look())
  }

  get contact(): Contact {
    if (this.#closed) return Contact.Closed
    return this.#records.reachable ? Contact.Connected : Contact.Silent
  }

  async read(options: CoordinatorCallOptions = {}): Promise<HeldRecord | undefined> {
    this.#check(options)
    const found = this.#records.stored(this.tree)
    return found === undefined ? undefined : this.#held(found.bytes, found.revision)
  }

  async compareAndSet(
    expected: HeldRecord | undefined,
    next: RootRecord,
    options: CoordinatorCallOptions = {},
  ): Promise<HeldRecord> {
    checkTreeOf(next, this.tree)
    const bytes = encodeRootRecord(next)
    this.#check(options)
    const found = this.#records.stored(this.tree)
    const same = found === undefined ? expected === undefined : expected?.version === String(found.revision)
    if (!same) throw conflict(this.tree, this.place)
    return this.#held(bytes, this.#records.put(this.tree, bytes))
  }

  watch(listener: (sight: RecordSight) => void): () => void {
    if (this.#closed) throw closedCoordinator(this.tree)
    const stop = this.#watchers.add(listener)
    // Not before the caller has what stops it.
    void Promise.resolve().then(() => this.#look())
    return stop
  }

  on(type: "contact", listener: (event: CoordinatorEvent) => void): () => void {
    return this.#events.on(type, listener)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#unsubscribe()
    this.#watchers.clear()
    this.#tell("it was closed")
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #look(): void {
    this.#tell("the store was switched")
    if (this.contact !== Contact.Connected) return
    const found = this.#records.stored(this.tree)
    if (found === undefined) this.#watchers.show("none", { type: "none" })
    else
      this.#watchers.show(
        String(found.revision),
        sightOf(() => this.#held(found.bytes, found.revision)),
      )
  }

  #tell(reason: string): void {
    const { contact } = this
    if (contact === this.#told) return
    this.#told = contact
    this.#events.emit({ type: "contact", contact, reason })
  }

  #held(bytes: Uint8Array, revision: bigint): HeldRecord {
    return { record: decodeRootRecord(bytes, this.tree), version: String(revision) as RecordVersion }
  }

  #check(options: CoordinatorCallOptions): void {
    if (this.#closed) throw closedCoordinator(this.tree)
    if (options.signal?.aborted)
      throw new ZincError("Aborted", "the call was aborted", { cause: options.signal.reason })
    if (!this.#records.reachable)
      throw new ZincError("Unreachable", `the root record of "${this.tree}" is out of reach`, { retryable: true })
  }
}

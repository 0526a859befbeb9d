/**
 * All documents of one endpoint: opens them for its user, keeps a replica of each that somebody below asked for (DESIGN
 * D4), answers their questions, and keeps them in storage where there is one.
 */
import { checkOptions, checkSignal } from "../core/arguments.ts"
import { noBytes } from "../core/bytes.ts"
import type { Timer } from "../core/clock.ts"
import { type ErrorCode, messageOf, ZincError } from "../core/errors.ts"
import type { EndpointId } from "../core/id.ts"
import type { DocumentPort } from "../endpoint/document-port.ts"
import { encodeTopic, TopicKind } from "../message/topic.ts"
import type { Storage } from "../storage/storage.ts"
import { Allowance } from "./allowance.ts"
import type { DocumentEvent, DocumentHandle, DocumentState, DocumentTier } from "./document-handle.ts"
import {
  DocumentLeaveSchema,
  DocumentPullSchema,
  DocumentPushReplySchema,
  DocumentPushSchema,
  DocumentSyncReplySchema,
  DocumentSyncRequestSchema,
  DocumentTopic,
  decodeMessage,
  encodeMessage,
  PresenceReplySchema,
  PresenceRequestSchema,
  pieceBytes,
  type Refusal,
} from "./document-message.ts"
import { DocumentPresence } from "./document-presence.ts"
import { DocumentStore } from "./document-store.ts"
import { DocumentSync } from "./document-sync.ts"
import type { DocumentType } from "./document-type.ts"
import type { Presence } from "./presence.ts"
import { Pushes } from "./pushes.ts"
import { Shares } from "./shares.ts"
import { Strays } from "./strays.ts"
import { type Offer, Transfers } from "./transfer.ts"
import { text } from "./yjs/text.ts"
import { yjs } from "./yjs/yjs.ts"

export interface DocumentOptions {
  /** Types beyond `text` and `yjs` that others may open here by name. */
  readonly types?: readonly DocumentType[]
  /** Where a host keeps documents beyond its own life. Default: nowhere. It is not closed with the endpoint. */
  readonly storage?: Storage
  /**
   * Where a host without `storage` puts documents that nobody has open. Default of the front door's Endpoint:
   * `new MemoryStorage()`. What finds no room there stays open; without any, all do.
   */
  readonly idleStorage?: Storage
  /** From a change to its write to storage. Default 1,000. */
  readonly saveAfterMs?: number
  /** Most documents open at once; more are refused with `Full`. Default 10,000. */
  readonly maxDocuments?: number
  /** Most documents that one client may have open at this host; more are refused with `Full`. Default 2,000. */
  readonly maxDocumentsPerClient?: number
  /** How long a host keeps a document open that nobody has open; then it is in storage only. Default 60,000. */
  readonly keepIdleMs?: number
  /** Largest state of one document, in octets; past it a host takes in nothing more. Default 64 MiB. */
  readonly maxDocumentBytes?: number
}

export interface OpenDocumentOptions {
  /** Ends the wait for the first exchange, and the opening with it. */
  readonly signal?: AbortSignal
}

/** How long closing waits for room to hand on what is pending. */
const closeWaitMs = 5_000
/** Who finds no room waits this long, when there may be some then. */
const fullRetryMs = 500
/** Whom a host without content asks for it: one at a time, each for this long. */
const uploadMs = 500

interface Entry {
  readonly type: DocumentType
  readonly opened: Promise<DocumentSync>
  sync: DocumentSync | undefined
  /** Openings by users here, and answers to those below that are being made. */
  users: number
  /** Since when nobody has it open, here or below. */
  idleSince: number
  /** It is being let go, for this one to take its place. */
  making: boolean
  readonly presence: DocumentPresence
  /** While the host holds nothing: until when one asker has the word. */
  uploadUntil: number
}

export class DocumentService {
  readonly #port: DocumentPort
  readonly #types = new Map<string, DocumentType>()
  readonly #entries = new Map<string, Entry>()
  readonly #maxDocuments: number
  readonly #maxDocumentBytes: number
  readonly #store: DocumentStore | undefined
  /** What is kept does not outlive us: it is written when a document is let go, and then only. */
  readonly #inMemory: boolean
  readonly #keepIdleMs: number
  readonly #shares: Shares
  readonly #allowance: Allowance
  readonly #strays: Strays | undefined
  #idleTimer: Timer | undefined
  /** Documents closed here of which the host has not been told. */
  readonly #left = new Set<string>()
  readonly #transfers: Transfers
  readonly #pushes: Pushes
  readonly #stops: (() => void)[]
  #closing: Promise<void> | undefined

  constructor(port: DocumentPort, options: DocumentOptions = {}) {
    checkOptions(options)
    this.#port = port
    this.#maxDocuments = wholeAboveZero("maxDocuments", options.maxDocuments ?? 10_000)
    this.#maxDocumentBytes = wholeAboveZero("maxDocumentBytes", options.maxDocumentBytes ?? 64 * 1024 * 1024)
    for (const type of [text, yjs, ...(options.types ?? [])]) this.#register(type)
    const saveAfterMs = wholeAboveZero("saveAfterMs", options.saveAfterMs ?? 1_000)
    this.#inMemory = options.storage === undefined
    const storage = options.storage ?? (port.isRoot ? options.idleStorage : undefined)
    this.#store =
      storage &&
      new DocumentStore({
        storage,
        clock: port.clock,
        logger: port.logger,
        saveAfterMs: this.#inMemory ? undefined : saveAfterMs,
      })
    this.#keepIdleMs = wholeAboveZero("keepIdleMs", options.keepIdleMs ?? 60_000)
    this.#shares = new Shares(wholeAboveZero("maxDocumentsPerClient", options.maxDocumentsPerClient ?? 2_000))
    this.#allowance = new Allowance(port.clock)
    this.#strays = port.isRoot ? new Strays(port, name => this.#openStored(name)) : undefined
    this.#transfers = new Transfers(port.clock)
    this.#pushes = new Pushes(port.clock, this.#maxDocumentBytes)
    this.#stops = [
      port.answer(DocumentTopic.Sync, (payload, from) => this.#answerSync(payload, from)),
      port.answer(DocumentTopic.Pull, (payload, from) => this.#answerPull(payload, from)),
      port.answer(DocumentTopic.Push, (payload, from) => this.#answerPush(payload, from)),
      port.answer(DocumentTopic.Presence, (payload, from) => this.#answerPresence(payload, from)),
      port.answer(DocumentTopic.Leave, (payload, from) => this.#answerLeave(payload, from)),
      port.onGone(id => this.#gone(id)),
      port.onLink(change => change === "up" && this.#tellLeft()),
    ]
  }

  /** The documents held now, opened here or kept for others. */
  get documents(): readonly DocumentSync[] {
    return [...this.#entries.values()].flatMap(entry => entry.sync ?? [])
  }

  /**
   * Opens a document; resolves when the first exchange with the host is done, at the root at once. Opening one twice shares
   * the copy. Rejects with `BadTopic` for a bad name, `TypeMismatch`, `Full`, `Refused`, `Aborted` or `Closed`.
   */
  async open<View extends DocumentHandle>(
    name: string,
    type: DocumentType<View>,
    options: OpenDocumentOptions = {},
  ): Promise<View> {
    checkOptions(options)
    checkSignal(options.signal)
    this.#register(type as unknown as DocumentType)
    const entry = this.#obtain(name, type.name)
    entry.users++
    let sync: DocumentSync
    try {
      sync = await entry.opened
      await sync.synchronized(options.signal)
    } catch (thrown) {
      await this.#release(name, entry)
      throw thrown
    }
    sync.replica.keepUndo()
    const handle = new Handle(sync, {
      close: () => this.#release(name, entry),
      presence: () => entry.presence.here,
      durable: signal => this.#durable(sync, signal),
    })
    return sync.replica.view(handle) as View
  }

  /** Hands on what is pending, waiting for room no longer than `timeoutMs`, writes to storage, and lets everything go. */
  close(timeoutMs: number = closeWaitMs): Promise<void> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    for (const stop of this.#stops) stop()
    await Promise.all(this.documents.map(sync => this.#handOn(sync, timeoutMs)))
    if (!this.#inMemory) {
      await this.#store?.saved().catch(thrown => {
        this.#port.logger.error("documents could not be saved at closing", { reason: messageOf(thrown) })
      })
    }
    this.#stopNow()
  }

  /** Lets everything go as it is. */
  abort(): void {
    for (const stop of this.#stops) stop()
    this.#closing ??= Promise.resolve()
    this.#stopNow()
  }

  #stopNow(): void {
    for (const [name, entry] of this.#entries) {
      entry.presence.close()
      entry.sync?.close()
      this.#store?.forget(name)
    }
    this.#entries.clear()
    this.#idleTimer?.cancel()
    this.#strays?.close()
    this.#transfers.close()
    this.#pushes.close()
  }

  // ---- opening and letting go ----

  #register(type: DocumentType): void {
    if (typeof type?.name !== "string" || typeof type.open !== "function" || !/^[^\0]{1,64}$/.test(type.name)) {
      throw new ZincError("BadOption", "a document type is an object such as `text`, with a name of 1 to 64 characters")
    }
    if (type.order !== "commutative") {
      throw new ZincError(
        "Unsupported",
        `document type "${type.name}" is ${type.order}; only commutative ones are served`,
      )
    }
    const known = this.#types.get(type.name)
    if (known !== undefined && known !== type) {
      throw new ZincError("TypeMismatch", `another document type is called "${type.name}" here; rename one of them`)
    }
    this.#types.set(type.name, type)
  }

  #obtain(name: string, typeName: string): Entry {
    if (this.#closing !== undefined) throw new ZincError("Closed", "the endpoint is closed; open a new one")
    encodeTopic(TopicKind.Document, name)
    const type = this.#types.get(typeName)
    if (type === undefined) {
      throw new ZincError(
        "Unsupported",
        `this endpoint knows no document type "${typeName}"; give it in \`types\` when opening the endpoint`,
      )
    }
    const known = this.#entries.get(name)
    if (known !== undefined) {
      if (known.type !== type) throw mismatch(name, known.type.name, typeName)
      return known
    }
    const room = this.#entries.size < this.#maxDocuments ? undefined : this.#makeRoom()
    const entry: Entry = {
      type,
      opened: Promise.resolve(room)
        .then(() => this.#load(name, type))
        .then(sync => {
          entry.sync = sync
          return sync
        }),
      sync: undefined,
      users: 0,
      idleSince: this.#port.clock.now(),
      making: false,
      presence: new DocumentPresence(this.#port, name, typeName),
      uploadUntil: 0,
    }
    entry.opened.catch(() => this.#forget(name, entry))
    this.#entries.set(name, entry)
    this.#left.delete(name)
    return entry
  }

  async #load(name: string, type: DocumentType): Promise<DocumentSync> {
    const stored = await this.#store?.load(name)
    if (this.#closing !== undefined) throw new ZincError("Closed", "the endpoint was closed; open a new one")
    if (stored !== undefined && stored.type !== type.name) throw mismatch(name, stored.type, type.name)
    const sync = new DocumentSync({
      port: this.#port,
      name,
      type,
      maxDocumentBytes: this.#maxDocumentBytes,
      ...(stored === undefined ? {} : { state: stored.state }),
    })
    const store = this.#store
    if (store !== undefined) {
      sync.replica.onChange(() => store.changed(name, type.name, () => sync.replica.state()))
    }
    return sync
  }

  /** Only the entry itself: after its last user left, another may have taken the name. */
  #forget(name: string, entry: Entry): void {
    if (this.#entries.get(name) === entry) this.#entries.delete(name)
    entry.presence.close()
  }

  async #release(name: string, entry: Entry): Promise<void> {
    entry.users--
    if (entry.users === 0) entry.presence.leftHere()
    if (this.#port.isRoot) {
      if (!this.#isUsed(name, entry)) this.#idle(entry)
    } else await this.#letGoAsClient(name, entry)
  }

  #isUsed(name: string, entry: Entry): boolean {
    return entry.users > 0 || this.#shares.holds(name) || this.#entries.get(name) !== entry
  }

  /** Below the root a document is let go at once when nobody has it open here or below: the host above has it. */
  async #letGoAsClient(name: string, entry: Entry): Promise<void> {
    const { sync } = entry
    if (this.#isUsed(name, entry)) return
    entry.presence.leftByAll()
    if (sync === undefined) return
    await this.#handOn(sync, closeWaitMs)
    if (this.#isUsed(name, entry)) return
    await this.#store?.saved(name).catch(() => {})
    if (this.#isUsed(name, entry)) return
    this.#forget(name, entry)
    this.#store?.forget(name)
    sync.close()
    this.#left.add(name)
    this.#tellLeft()
  }

  /** Tells the host what is closed here, so that it need not keep it for us. */
  #tellLeft(): void {
    for (const name of [...this.#left]) {
      if (!this.#port.linked || this.#closing !== undefined) return
      this.#left.delete(name)
      if (this.#entries.has(name)) continue
      this.#port.ask(DocumentTopic.Leave, encodeMessage(DocumentLeaveSchema, { name })).catch(() => {
        if (this.#left.size < this.#maxDocuments && !this.#entries.has(name)) this.#left.add(name)
      })
    }
  }

  // ---- what nobody has open, at a host ----

  #idle(entry: Entry): void {
    entry.idleSince = this.#port.clock.now()
    this.#idleTimer ??= this.#port.clock.after(this.#keepIdleMs, () => void this.#letIdleGo())
  }

  #isIdle(name: string, entry: Entry): boolean {
    const { sync, users } = entry
    if (sync === undefined || users > 0 || this.#shares.holds(name) || this.#entries.get(name) !== entry) return false
    return sync.settled && !this.#pushes.under(name)
  }

  async #letIdleGo(): Promise<void> {
    const old = this.#port.clock.now() - this.#keepIdleMs
    for (const [name, entry] of [...this.#entries]) {
      if (entry.idleSince <= old && this.#isIdle(name, entry)) await this.#letGo(name, entry)
    }
    this.#idleTimer = undefined
    let next = Number.POSITIVE_INFINITY
    for (const [name, entry] of this.#entries) {
      if (this.#isIdle(name, entry)) next = Math.min(next, entry.idleSince)
    }
    if (next === Number.POSITIVE_INFINITY || this.#closing !== undefined) return
    const wait = Math.max(this.#keepIdleMs / 10, next + this.#keepIdleMs - this.#port.clock.now())
    this.#idleTimer = this.#port.clock.after(wait, () => void this.#letIdleGo())
  }

  /** Once its state is in storage. False when it stays. */
  async #letGo(name: string, entry: Entry): Promise<boolean> {
    const { sync } = entry
    try {
      if (sync !== undefined && !sync.holdsNothing) await this.#store?.saved(name)
    } catch (thrown) {
      this.#port.logger.warn(`document "${name}" stays open, for it could not be saved`, { reason: messageOf(thrown) })
      return false
    }
    if (sync === undefined || !this.#isIdle(name, entry)) return false
    if (!sync.holdsNothing && (this.#store === undefined || this.#store.lags(name))) return false
    this.#forget(name, entry)
    this.#store?.forget(name)
    sync.close()
    return true
  }

  /** Lets go of the one that is idle longest. Throws `Full` when none is. */
  #makeRoom(): Promise<void> {
    let found: [string, Entry] | undefined
    for (const [name, entry] of this.#entries) {
      if (entry.making || !this.#isIdle(name, entry)) continue
      if (found === undefined || entry.idleSince < found[1].idleSince) found = [name, entry]
    }
    if (found === undefined) {
      throw new ZincError("Full", `${this.#maxDocuments} documents are open here; close some, or raise maxDocuments`)
    }
    const [name, entry] = found
    entry.making = true
    return this.#letGo(name, entry).then(gone => {
      entry.making = false
      if (gone) return
      throw new ZincError("Full", `${this.#maxDocuments} documents are open here, and none could be let go just now`, {
        retryable: true,
        retryAfterMs: fullRetryMs,
      })
    })
  }

  /** For a fragment of a document that nobody has open: only what was kept is opened for it. */
  async #openStored(name: string): Promise<DocumentSync | undefined> {
    let entry = this.#entries.get(name)
    if (entry === undefined) {
      const stored = await this.#store?.load(name)
      if (stored === undefined) return undefined
      entry = this.#obtain(name, stored.type)
      this.#idle(entry)
    }
    return entry.opened
  }

  async #handOn(sync: DocumentSync, timeoutMs: number): Promise<void> {
    if (sync.settled) return
    const waiting = new AbortController()
    const timer = this.#port.clock.after(timeoutMs, () => waiting.abort())
    try {
      if (!this.#port.linked && !this.#port.isRoot) throw new ZincError("PeerLost", "there is no link to a host now")
      if (!this.#port.outbound) throw new ZincError("Closed", "the endpoint's outbound channel is closed")
      await sync.flushed(waiting.signal)
    } catch (thrown) {
      this.#port.logger.warn(`document "${sync.name}" is let go with changes that nobody else has`, {
        reason: messageOf(thrown),
      })
    } finally {
      timer.cancel()
    }
  }

  async #durable(sync: DocumentSync, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#port.isRoot || this.#store === undefined || !this.#store.storage.supports.durable) {
      throw new ZincError(
        "Unsupported",
        `document "${sync.name}" is kept in memory only, so nothing here can be durable; ask for "rooted"`,
      )
    }
    await sync.rooted(signal)
    await this.#store.saved(sync.name)
  }

  // ---- answering those below ----

  /** Does something for one below with a document, which counts as open there from then on. */
  async #serve<T>(name: string, type: string, from: EndpointId, work: (entry: Entry, sync: DocumentSync) => T) {
    const had = this.#shares.has(name, from)
    this.#shares.add(name, from)
    let entry: Entry | undefined
    try {
      entry = this.#obtain(name, type)
      entry.users++
      const sync = await entry.opened
      if (!this.#port.isRoot && this.#port.linked) await sync.synchronized()
      return work(entry, sync)
    } catch (thrown) {
      if (entry?.sync === undefined && !had) this.#shares.delete(name, from)
      throw thrown
    } finally {
      if (entry !== undefined) void this.#release(name, entry)
    }
  }

  async #answerSync(payload: Uint8Array, from: EndpointId): Promise<Uint8Array> {
    try {
      const { name, type, version } = decodeMessage(DocumentSyncRequestSchema, payload)
      this.#assertAllowed(from, "receive", name)
      return await this.#serve(name, type, from, (entry, sync) => this.#compare(entry, sync, version, from))
    } catch (thrown) {
      return encodeMessage(DocumentSyncReplySchema, { refusal: this.#refusal(thrown) })
    }
  }

  #compare(entry: Entry, sync: DocumentSync, version: Uint8Array, from: EndpointId): Uint8Array {
    const encoded = sync.offers.has(version)
    // What many ask for is made once. What is made for one is on its account.
    const wait = encoded ? 0 : this.#allowance.waitMs(from)
    if (wait > 0) throw tooMuch(wait)
    const { covered, offer } = encoded
      ? this.#offer(entry, sync, version)
      : this.#allowance.spend(from, () => this.#offer(entry, sync, version))
    if (offer === undefined) {
      if (sync.full && !covered) throw new ZincError("TooLarge", `it is over the host's limit for one document`)
      return refusing("Full", "another is sending it", 100)
    }
    const [first, ...more] = offer.fragments
    if (first === undefined || (more.length === 0 && first.length <= pieceBytes)) {
      return encodeMessage(DocumentSyncReplySchema, { version: offer.version, ...(first && { fragment: first }) })
    }
    return encodeMessage(DocumentSyncReplySchema, {
      version: offer.version,
      transfer: {
        id: this.#transfers.open(from, offer.fragments),
        fragments: offer.fragments.map(fragment => BigInt(fragment.length)),
      },
    })
  }

  /** What a holder of that version lacks; nothing when it is not to be answered now. */
  #offer(entry: Entry, sync: DocumentSync, version: Uint8Array): { covered: boolean; offer?: Offer } {
    const covered = sync.replica.covers(version)
    if (sync.full && !covered) return { covered }
    // A host that starts anew while many come back needs their content once, not from each.
    if (!covered && sync.holdsNothing) {
      const now = this.#port.clock.now()
      if (now < entry.uploadUntil || this.#pushes.under(sync.name)) return { covered }
      entry.uploadUntil = now + uploadMs
    }
    return { covered, offer: sync.offers.for(version) }
  }

  #answerPull(payload: Uint8Array, from: EndpointId): Uint8Array {
    const { transfer, offset, length } = decodeMessage(DocumentPullSchema, payload)
    return this.#transfers.read(transfer, from, Number(offset), Math.min(length, pieceBytes))
  }

  async #answerPush(payload: Uint8Array, from: EndpointId): Promise<Uint8Array> {
    try {
      const push = decodeMessage(DocumentPushSchema, payload)
      this.#assertAllowed(from, "send", push.name)
      await this.#serve(push.name, push.type, from, (entry, sync) => {
        const fragment = this.#pushes.add(from, push)
        if (fragment === undefined) return
        entry.uploadUntil = 0
        if (sync.takeIn(fragment).refused > 0) {
          throw new ZincError("BadPayload", "what was sent is no fragment of its type")
        }
      })
      return encodeMessage(DocumentPushReplySchema, {})
    } catch (thrown) {
      return encodeMessage(DocumentPushReplySchema, { refusal: this.#refusal(thrown) })
    }
  }

  async #answerPresence(payload: Uint8Array, from: EndpointId): Promise<Uint8Array> {
    try {
      const request = decodeMessage(PresenceRequestSchema, payload)
      const { name, type, own, list, after, below } = request
      this.#assertAllowed(from, "receive", name)
      if (own !== undefined || below.length > 0) this.#assertAllowed(from, "send", name)
      if (below.length > 0 && !this.#port.isRelay(from))
        throw new ZincError("Unauthorized", "only a relay says who else is present")
      const wait = list ? this.#allowance.waitMs(from) : 0
      if (wait > 0) throw tooMuch(wait)
      return await this.#serve(name, type, from, ({ presence }) => {
        if (own !== undefined) presence.say(from, own)
        const clashing = presence.sayFor(from, below)
        if (!list) return encodeMessage(PresenceReplySchema, { clashing })
        return this.#allowance.spend(from, () =>
          encodeMessage(PresenceReplySchema, { ...presence.list(Number(after)), clashing }),
        )
      })
    } catch (thrown) {
      return encodeMessage(PresenceReplySchema, { refusal: this.#refusal(thrown) })
    }
  }

  #answerLeave(payload: Uint8Array, from: EndpointId): Uint8Array {
    this.#leave(decodeMessage(DocumentLeaveSchema, payload).name, from)
    return noBytes
  }

  #gone(id: EndpointId): void {
    this.#allowance.gone(id)
    for (const name of this.#shares.gone(id)) this.#unserved(name, id)
  }

  #leave(name: string, from: EndpointId): void {
    if (!this.#shares.has(name, from)) return
    this.#shares.delete(name, from)
    this.#unserved(name, from)
  }

  #unserved(name: string, from: EndpointId): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    entry.presence.gone(from)
    if (entry.users > 0 || this.#shares.holds(name)) return
    if (this.#port.isRoot) this.#idle(entry)
    else void this.#letGoAsClient(name, entry)
  }

  #assertAllowed(from: EndpointId, way: "receive" | "send", name: string): void {
    if (this.#port.allows(from, way, TopicKind.Document, name)) return
    throw new ZincError("Unauthorized", `you may not ${way === "receive" ? "read" : "write"} document "${name}"`)
  }

  #refusal(thrown: unknown): Refusal {
    if (!ZincError.is(thrown)) {
      this.#port.logger.error("a question about a document could not be answered", { thrown })
      return { code: "Internal", reason: messageOf(thrown) }
    }
    return {
      code: thrown.code,
      reason: thrown.message,
      ...(thrown.retryAfterMs === undefined ? {} : { retryAfterMs: thrown.retryAfterMs }),
    }
  }
}

function refusing(code: ErrorCode, reason: string, retryAfterMs: number): Uint8Array {
  return encodeMessage(DocumentSyncReplySchema, { refusal: { code, reason, retryAfterMs } })
}

function tooMuch(retryAfterMs: number): ZincError {
  return new ZincError("Full", "you have asked for much at once", { retryable: true, retryAfterMs })
}

function mismatch(name: string, is: string, asked: string): ZincError {
  return new ZincError("TypeMismatch", `document "${name}" is of type "${is}", not "${asked}"; open it as that`)
}

function wholeAboveZero(option: string, value: number): number {
  if (!(Number.isSafeInteger(value) && value > 0))
    throw new ZincError("BadOption", `${option} must be a whole number above zero, not ${value}`)
  return value
}

interface HandleOwner {
  close(): Promise<void>
  presence(): Presence
  durable(signal: AbortSignal | undefined): Promise<void>
}

/** One opening of a document. */
class Handle implements DocumentHandle {
  readonly #sync: DocumentSync
  readonly #owner: HandleOwner
  readonly #stops: (() => void)[] = []
  #closing: Promise<void> | undefined

  constructor(sync: DocumentSync, owner: HandleOwner) {
    this.#sync = sync
    this.#owner = owner
  }

  get name(): string {
    return this.#sync.name
  }
  get state(): DocumentState {
    return this.#closing === undefined ? this.#sync.state : "closed"
  }
  get synchronized(): boolean {
    return this.state === "synchronized"
  }
  get presence(): Presence {
    if (this.#closing !== undefined) throw new ZincError("Closed", `document "${this.name}" is closed; open it again`)
    return this.#owner.presence()
  }
  version(): Uint8Array {
    return this.#sync.replica.version()
  }

  async acknowledged(tier: DocumentTier = "rooted", options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#closing !== undefined) throw new ZincError("Closed", `document "${this.name}" is closed; open it again`)
    // One level deep the nearest host is the root, and what the root has it has received.
    if (tier === "received" || tier === "rooted") await this.#sync.rooted(options.signal)
    else if (tier === "durable") await this.#owner.durable(options.signal)
    else throw new ZincError("BadOption", `"${String(tier)}" is no tier; there are received, rooted and durable`)
  }

  on<T extends DocumentEvent["type"] | "*">(
    type: T,
    listener: (event: T extends "*" ? DocumentEvent : Extract<DocumentEvent, { type: T }>) => void,
  ): () => void {
    const stop = this.#sync.events.on(type, listener)
    this.#stops.push(stop)
    return stop
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      for (const stop of this.#stops) stop()
      this.#closing = this.#owner.close()
    }
    return this.#closing
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

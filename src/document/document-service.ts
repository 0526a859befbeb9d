/**
 * All documents of one endpoint: opens them for its user, keeps a replica of each that somebody below asked for (DESIGN
 * D4), answers their questions, and keeps them in storage where there is one.
 */
import { checkOptions, checkSignal } from "../core/arguments.ts"
import { type ErrorCode, messageOf, ZincError } from "../core/errors.ts"
import type { EndpointId } from "../core/id.ts"
import type { DocumentPort } from "../endpoint/document-port.ts"
import { encodeTopic, TopicKind } from "../message/topic.ts"
import type { Storage } from "../storage/storage.ts"
import type { DocumentEvent, DocumentHandle, DocumentState, DocumentTier } from "./document-handle.ts"
import {
  DocumentPullSchema,
  DocumentPushReplySchema,
  DocumentPushSchema,
  DocumentSyncReplySchema,
  DocumentSyncRequestSchema,
  DocumentTopic,
  decodeMessage,
  encodeMessage,
  pieceBytes,
  type Refusal,
} from "./document-message.ts"
import { DocumentStore } from "./document-store.ts"
import { DocumentSync } from "./document-sync.ts"
import type { DocumentType } from "./document-type.ts"
import { Pushes } from "./pushes.ts"
import { Transfers } from "./transfer.ts"
import { text } from "./yjs/text.ts"
import { yjs } from "./yjs/yjs.ts"

export interface DocumentOptions {
  /** Types beyond `text` and `yjs` that others may open here by name. */
  readonly types?: readonly DocumentType[]
  /** Where a host keeps documents beyond its own life. Default: nowhere. It is not closed with the endpoint. */
  readonly storage?: Storage
  /** From a change to its write to storage. Default 1,000. */
  readonly saveAfterMs?: number
  /** Most documents kept at once; more are refused with `Full`. Default 10,000. */
  readonly maxDocuments?: number
  /** Largest state of one document, in octets; past it a host takes in nothing more. Default 64 MiB. */
  readonly maxDocumentBytes?: number
}

export interface OpenDocumentOptions {
  /** Ends the wait for the first exchange, and the opening with it. */
  readonly signal?: AbortSignal
}

/** How long closing waits for room to hand on what is pending. */
const closeWaitMs = 5_000
/** Whom a host without content asks for it: one at a time, each for this long. */
const uploadMs = 500

interface Entry {
  readonly type: DocumentType
  readonly opened: Promise<DocumentSync>
  sync: DocumentSync | undefined
  /** Openings by users here. */
  users: number
  /** Somebody below asked for it: it stays. */
  served: boolean
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
    this.#store =
      options.storage &&
      new DocumentStore({
        storage: options.storage,
        clock: port.clock,
        logger: port.logger,
        saveAfterMs: wholeAboveZero("saveAfterMs", options.saveAfterMs ?? 1_000),
      })
    this.#transfers = new Transfers(port.clock)
    this.#pushes = new Pushes(port.clock, this.#maxDocumentBytes)
    this.#stops = [
      port.answer(DocumentTopic.Sync, (payload, from) => this.#answerSync(payload, from)),
      port.answer(DocumentTopic.Pull, (payload, from) => this.#answerPull(payload, from)),
      port.answer(DocumentTopic.Push, (payload, from) => this.#answerPush(payload, from)),
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
    await this.#store?.saved().catch(thrown => {
      this.#port.logger.error("documents could not be saved at closing", { reason: messageOf(thrown) })
    })
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
      entry.sync?.close()
      this.#store?.forget(name)
    }
    this.#entries.clear()
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
    if (this.#entries.size >= this.#maxDocuments) {
      throw new ZincError("Full", `${this.#maxDocuments} documents are open here; close some, or raise maxDocuments`)
    }
    const entry: Entry = {
      type,
      opened: this.#load(name, type).then(sync => {
        entry.sync = sync
        return sync
      }),
      sync: undefined,
      users: 0,
      served: false,
      uploadUntil: 0,
    }
    entry.opened.catch(() => this.#forget(name, entry))
    this.#entries.set(name, entry)
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
  }

  async #release(name: string, entry: Entry): Promise<void> {
    entry.users--
    const { sync } = entry
    const stays = () => entry.users > 0 || entry.served || this.#port.isRoot || this.#entries.get(name) !== entry
    if (sync === undefined || stays()) return
    await this.#handOn(sync, closeWaitMs)
    if (stays()) return
    await this.#store?.saved(name).catch(() => {})
    if (stays()) return
    this.#forget(name, entry)
    this.#store?.forget(name)
    sync.close()
  }

  async #handOn(sync: DocumentSync, timeoutMs: number): Promise<void> {
    if (sync.settled) return
    const waiting = new AbortController()
    const timer = this.#port.clock.after(timeoutMs, () => waiting.abort())
    try {
      if (!this.#port.linked && !this.#port.isRoot) throw new ZincError("PeerLost", "there is no link to a host now")
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

  async #answerSync(payload: Uint8Array, from: EndpointId): Promise<Uint8Array> {
    try {
      const { name, type, version } = decodeMessage(DocumentSyncRequestSchema, payload)
      this.#assertAllowed(from, "receive", name)
      const entry = this.#obtain(name, type)
      entry.served = true
      const sync = await entry.opened
      if (!this.#port.isRoot && this.#port.linked) await sync.synchronized()
      const { replica } = sync
      const covered = replica.covers(version)
      if (sync.full && !covered) throw new ZincError("TooLarge", `it is over the host's limit for one document`)
      // A host that starts anew while many come back needs their content once, not from each.
      if (!covered && sync.holdsNothing) {
        const now = this.#port.clock.now()
        if (now < entry.uploadUntil || this.#pushes.under(name)) return refusing("Full", "another is sending it", 100)
        entry.uploadUntil = now + uploadMs
      }
      const offer = sync.offers.for(version)
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
    } catch (thrown) {
      return encodeMessage(DocumentSyncReplySchema, { refusal: this.#refusal(thrown) })
    }
  }

  #answerPull(payload: Uint8Array, from: EndpointId): Uint8Array {
    const { transfer, offset, length } = decodeMessage(DocumentPullSchema, payload)
    return this.#transfers.read(transfer, from, Number(offset), Math.min(length, pieceBytes))
  }

  async #answerPush(payload: Uint8Array, from: EndpointId): Promise<Uint8Array> {
    try {
      const push = decodeMessage(DocumentPushSchema, payload)
      this.#assertAllowed(from, "send", push.name)
      const entry = this.#obtain(push.name, push.type)
      const sync = await entry.opened
      const fragment = this.#pushes.add(from, push)
      if (fragment !== undefined) {
        entry.uploadUntil = 0
        if (sync.takeIn(fragment).refused > 0) {
          throw new ZincError("BadPayload", "what was sent is no fragment of its type")
        }
      }
      return encodeMessage(DocumentPushReplySchema, {})
    } catch (thrown) {
      return encodeMessage(DocumentPushReplySchema, { refusal: this.#refusal(thrown) })
    }
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

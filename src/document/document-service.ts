/**
 * All documents of one endpoint, as its user opens them: which are open (`OpenDocuments`), what those below ask of them
 * (`DocumentAnswers`, DESIGN D4), and what is kept in storage where there is one.
 */
import { checkOptions, checkSignal } from "../core/arguments.ts"
import { messageOf, ZincError } from "../core/errors.ts"
import type { DocumentPort, LinkChange } from "../endpoint/document-port.ts"
import type { Storage } from "../storage/storage.ts"
import { DocumentAnswers } from "./document-answers.ts"
import type { DocumentHandle } from "./document-handle.ts"
import { DocumentStore } from "./document-store.ts"
import type { DocumentSync } from "./document-sync.ts"
import type { DocumentType } from "./document-type.ts"
import { DocumentTypes } from "./document-types.ts"
import { Keeper } from "./keeper.ts"
import { closeWaitMs, OpenDocuments } from "./open-documents.ts"
import { OpenedDocument } from "./opened-document.ts"
import { ReignAnswers } from "./reign-answers.ts"
import { Strays } from "./strays.ts"
import { text } from "./yjs/text.ts"
import { yjs } from "./yjs/yjs.ts"

export interface DocumentOptions {
  /** Types beyond `text` and `yjs` that others may open here by name. */
  readonly types?: readonly DocumentType[]
  /** Where a host keeps documents beyond its own life. Default: nowhere. It is not closed with the endpoint. */
  readonly storage?: Storage
  /**
   * Where a host without `storage`, or a voter, puts documents that nobody has open. Default of the front door's Endpoint:
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

export class DocumentService {
  readonly #port: DocumentPort
  readonly #types: DocumentTypes
  readonly #storage: DocumentStore | undefined
  /** What is kept does not outlive us: it is written when a document is let go, and then only. */
  readonly #inMemory: boolean
  readonly #open: OpenDocuments
  readonly #answers: DocumentAnswers
  readonly #reigning: ReignAnswers
  readonly #keeper: Keeper
  #strays: Strays | undefined
  readonly #stopTelling: () => void
  #closing: Promise<void> | undefined

  constructor(port: DocumentPort, options: DocumentOptions = {}) {
    checkOptions(options)
    this.#port = port
    const maxDocuments = wholeAboveZero("maxDocuments", options.maxDocuments ?? 10_000)
    const maxDocumentBytes = wholeAboveZero("maxDocumentBytes", options.maxDocumentBytes ?? 64 * 1024 * 1024)
    this.#types = new DocumentTypes([text, yjs, ...(options.types ?? [])])
    const saveAfterMs = wholeAboveZero("saveAfterMs", options.saveAfterMs ?? 1_000)
    this.#inMemory = options.storage === undefined
    const storage = options.storage ?? options.idleStorage
    this.#storage =
      storage &&
      new DocumentStore({
        storage,
        clock: port.clock,
        logger: port.logger,
        saveAfterMs: this.#inMemory ? undefined : saveAfterMs,
      })
    const keepIdleMs = wholeAboveZero("keepIdleMs", options.keepIdleMs ?? 60_000)
    const maxDocumentsPerClient = wholeAboveZero("maxDocumentsPerClient", options.maxDocumentsPerClient ?? 2_000)
    this.#open = new OpenDocuments({
      port,
      types: this.#types,
      store: () => this.#store,
      maxDocuments,
      maxDocumentBytes,
      keepIdleMs,
      isHeld: name => this.#answers.holds(name),
      isArriving: name => this.#answers.isArriving(name),
      onChange: name => this.#reigning.changed(name),
    })
    const kept = { port, documents: this.#open, store: () => this.#store }
    this.#reigning = new ReignAnswers(kept)
    this.#keeper = new Keeper(kept)
    if (port.isRoot) this.#reign()
    else if (port.keeps && port.linked) this.#keeper.start()
    this.#answers = new DocumentAnswers({ port, documents: this.#open, maxDocumentsPerClient, maxDocumentBytes })
    this.#stopTelling = port.onLink(change => this.#onLink(change))
  }

  /** Where there is one to be used: what is in memory counts only at those who keep what nobody has open. */
  get #store(): DocumentStore | undefined {
    return this.#inMemory && !this.#port.isRoot && !this.#port.keeps ? undefined : this.#storage
  }

  /** The documents held now, opened here or kept for others. */
  get documents(): readonly DocumentSync[] {
    return this.#open.all
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
    this.#types.register(type as unknown as DocumentType)
    const entry = this.#open.obtain(name, type.name)
    entry.users++
    let sync: DocumentSync
    try {
      sync = await entry.opened
      await sync.synchronized(options.signal)
    } catch (thrown) {
      await this.#open.release(name, entry)
      throw thrown
    }
    sync.replica.keepUndo()
    const handle = new OpenedDocument(sync, {
      close: () => this.#open.release(name, entry),
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
    this.#stopListening()
    await this.#open.close(timeoutMs)
    if (!this.#inMemory) {
      await this.#store?.saved().catch(thrown => {
        this.#port.logger.error("documents could not be saved at closing", { reason: messageOf(thrown) })
      })
    }
    this.#stopNow()
  }

  /** Lets everything go as it is. */
  abort(): void {
    this.#stopListening()
    this.#closing ??= Promise.resolve()
    this.#stopNow()
  }

  #reign(): void {
    this.#strays ??= new Strays(this.#port, name => this.#open.openStored(name))
    if (this.#port.keeps) this.#reigning.begin()
  }

  #onLink(change: LinkChange): void {
    if (change === "root") {
      this.#keeper.stop()
      this.#reign()
    }
    if (change === "down" && !this.#port.isRoot) {
      this.#keeper.stop()
      this.#reigning.end()
    }
    if (change !== "up") return
    this.#strays?.close()
    this.#strays = undefined
    this.#open.belowHost()
    if (this.#port.keeps) this.#keeper.start()
  }

  #stopListening(): void {
    this.#answers.stop()
    this.#keeper.stop()
    this.#reigning.close()
    this.#stopTelling()
  }

  #stopNow(): void {
    this.#open.abort()
    this.#strays?.close()
    this.#answers.close()
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
}

function wholeAboveZero(option: string, value: number): number {
  if (!(Number.isSafeInteger(value) && value > 0))
    throw new ZincError("BadOption", `${option} must be a whole number above zero, not ${value}`)
  return value
}

/**
 * The documents that are open at one endpoint, for its users or for those below: opened once for all of them, within a
 * bound, and let go when nobody has them any more. A host keeps what nobody has open for a while, then in storage only,
 * and so does a voter below it (`Keeper`); any other lets go of a document at once, for the host above has it.
 */
import type { Timer } from "../core/clock.ts"
import { messageOf, ZincError } from "../core/errors.ts"
import type { DocumentPort } from "../endpoint/document-port.ts"
import { encodeTopic, TopicKind } from "../message/topic.ts"
import { DocumentLeaveSchema, DocumentTopic, encodeMessage } from "./document-message.ts"
import { DocumentPresence } from "./document-presence.ts"
import type { DocumentStore } from "./document-store.ts"
import { DocumentSync } from "./document-sync.ts"
import type { DocumentType } from "./document-type.ts"
import type { DocumentTypes } from "./document-types.ts"

export interface OpenDocumentsOptions {
  readonly port: DocumentPort
  readonly types: DocumentTypes
  readonly store: () => DocumentStore | undefined
  readonly maxDocuments: number
  readonly maxDocumentBytes: number
  readonly keepIdleMs: number
  /** Somebody below has it open. */
  readonly isHeld: (name: string) => boolean
  /** Somebody below is sending its content. */
  readonly isArriving: (name: string) => boolean
  /** In a tree with voters: the document is another than before. */
  readonly onChange: (name: string) => void
}

/** How long letting go waits for room to hand on what is pending. */
export const closeWaitMs = 5_000
/** Who finds no room waits this long, when there may be some then. */
const fullRetryMs = 500

export interface OpenDocument {
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

export class OpenDocuments {
  readonly #o: OpenDocumentsOptions
  readonly #port: DocumentPort
  readonly #entries = new Map<string, OpenDocument>()
  #idleTimer: Timer | undefined
  /** Documents closed here of which the host has not been told. */
  readonly #left = new Set<string>()
  #isClosed = false

  constructor(options: OpenDocumentsOptions) {
    this.#o = options
    this.#port = options.port
  }

  get #store(): DocumentStore | undefined {
    return this.#o.store()
  }

  /** What nobody has open stays for a while: nobody above has it, or it shall be here when that one is lost. */
  get #keeps(): boolean {
    return this.#port.isRoot || this.#port.keeps
  }

  get all(): readonly DocumentSync[] {
    return [...this.#entries.values()].flatMap(entry => entry.sync ?? [])
  }

  get(name: string): OpenDocument | undefined {
    return this.#entries.get(name)
  }

  /** Opens nothing more, and hands on what is pending, waiting for room no longer than that. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.all.map(sync => this.#handOn(sync, timeoutMs)))
  }

  /** Lets everything go as it is. */
  abort(): void {
    this.#isClosed = true
    for (const [name, entry] of this.#entries) {
      entry.presence.close()
      entry.sync?.close()
      this.#store?.forget(name)
    }
    this.#entries.clear()
    this.#idleTimer?.cancel()
  }

  // ---- opening and letting go ----

  /**
   * The document, opened if it is not; its `opened` rejects when that fails. Throws `Closed`, `BadTopic`, `Unsupported`,
   * `TypeMismatch` or `Full`.
   */
  obtain(name: string, typeName: string): OpenDocument {
    if (this.#isClosed) throw new ZincError("Closed", "the endpoint is closed; open a new one")
    encodeTopic(TopicKind.Document, name)
    const type = this.#o.types.named(typeName)
    const known = this.#entries.get(name)
    if (known !== undefined) {
      if (known.type !== type) throw mismatch(name, known.type.name, typeName)
      return known
    }
    const room = this.#entries.size < this.#o.maxDocuments ? undefined : this.#makeRoom()
    const entry: OpenDocument = {
      type,
      opened: Promise.resolve(room)
        .then(() => this.#load(name, type))
        .then(sync => {
          entry.sync = sync
          if (this.#port.keeps)
            sync.replica.onChange(() => {
              entry.idleSince = this.#port.clock.now()
              this.#o.onChange(name)
            })
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
    if (this.#isClosed) throw new ZincError("Closed", "the endpoint was closed; open a new one")
    if (stored !== undefined && stored.type !== type.name) throw mismatch(name, stored.type, type.name)
    const sync = new DocumentSync({
      port: this.#port,
      name,
      type,
      maxDocumentBytes: this.#o.maxDocumentBytes,
      ...(stored === undefined ? {} : { state: stored.state }),
    })
    const store = this.#store
    if (store !== undefined) {
      sync.replica.onChange(() => store.changed(name, type.name, () => sync.replica.state()))
    }
    return sync
  }

  /** Only the entry itself: after its last user left, another may have taken the name. */
  #forget(name: string, entry: OpenDocument): void {
    if (this.#entries.get(name) === entry) this.#entries.delete(name)
    entry.presence.close()
  }

  /** One user of it has gone. */
  async release(name: string, entry: OpenDocument): Promise<void> {
    entry.users--
    if (entry.users === 0) entry.presence.leftHere()
    if (this.#keeps) {
      if (!this.#isUsed(name, entry)) this.#idle(entry)
    } else await this.#letGoAsClient(name, entry)
  }

  /** Nobody below has it open any more. */
  unheld(name: string, entry: OpenDocument): void {
    if (entry.users > 0 || this.#o.isHeld(name)) return
    if (this.#keeps) this.#idle(entry)
    else void this.#letGoAsClient(name, entry)
  }

  #isUsed(name: string, entry: OpenDocument): boolean {
    return entry.users > 0 || this.#o.isHeld(name) || this.#entries.get(name) !== entry
  }

  /** Below the root, but at voters, a document is let go at once when nobody has it open here or below. */
  async #letGoAsClient(name: string, entry: OpenDocument): Promise<void> {
    const { sync } = entry
    if (this.#isUsed(name, entry)) return
    entry.presence.leftByAll()
    if (sync === undefined) return
    await this.#handOn(sync, closeWaitMs)
    if (this.#isUsed(name, entry)) return
    await this.#store?.saved(name).catch(() => {})
    if (this.#isUsed(name, entry)) return
    this.#close(name, entry, sync)
  }

  #close(name: string, entry: OpenDocument, sync: DocumentSync): void {
    this.#forget(name, entry)
    this.#store?.forget(name)
    sync.close()
    if (this.#port.isRoot) return
    this.#left.add(name)
    this.tellLeft()
  }

  /** A host is above: what a root keeps for those who come later is that one's to keep now. */
  belowHost(): void {
    for (const [name, entry] of [...this.#entries])
      if (entry.sync !== undefined && !this.#isUsed(name, entry)) {
        if (this.#keeps) this.#idle(entry)
        else void this.#letGoAsClient(name, entry)
      }
    this.tellLeft()
  }

  /** Tells the host what is closed here, so that it need not keep it for us. */
  tellLeft(): void {
    for (const name of [...this.#left]) {
      if (!this.#port.linked || this.#isClosed) return
      this.#left.delete(name)
      if (this.#entries.has(name)) continue
      this.#port.ask(DocumentTopic.Leave, encodeMessage(DocumentLeaveSchema, { name })).catch(() => {
        if (this.#left.size < this.#o.maxDocuments && !this.#entries.has(name)) this.#left.add(name)
      })
    }
  }

  // ---- what nobody has open, at a host ----

  #idle(entry: OpenDocument): void {
    entry.idleSince = this.#port.clock.now()
    this.#idleTimer ??= this.#port.clock.after(this.#o.keepIdleMs, () => void this.#letIdleGo())
  }

  #isIdle(name: string, entry: OpenDocument): boolean {
    const { sync, users } = entry
    if (sync === undefined || users > 0 || this.#o.isHeld(name) || this.#entries.get(name) !== entry) return false
    // Below the root the host shall have what came from below while there was none.
    if (!this.#port.isRoot && sync.state !== "synchronized" && sync.state !== "refused") return false
    return sync.settled && !this.#o.isArriving(name)
  }

  async #letIdleGo(): Promise<void> {
    const old = this.#port.clock.now() - this.#o.keepIdleMs
    for (const [name, entry] of [...this.#entries]) {
      if (entry.idleSince <= old && this.#isIdle(name, entry)) await this.#letGo(name, entry)
    }
    this.#idleTimer = undefined
    let next = Number.POSITIVE_INFINITY
    for (const [name, entry] of this.#entries) {
      if (this.#isIdle(name, entry) || (this.#port.keeps && !this.#isUsed(name, entry)))
        next = Math.min(next, entry.idleSince)
    }
    if (next === Number.POSITIVE_INFINITY || this.#isClosed) return
    const wait = Math.max(this.#o.keepIdleMs / 10, next + this.#o.keepIdleMs - this.#port.clock.now())
    this.#idleTimer = this.#port.clock.after(wait, () => void this.#letIdleGo())
  }

  /** Once its state is in storage. False when it stays. */
  async #letGo(name: string, entry: OpenDocument): Promise<boolean> {
    const { sync } = entry
    try {
      if (sync !== undefined && !sync.holdsNothing) await this.#store?.saved(name)
    } catch (thrown) {
      this.#port.logger.warn(`document "${name}" stays open, for it could not be saved`, { reason: messageOf(thrown) })
      return false
    }
    if (sync === undefined || !this.#isIdle(name, entry)) return false
    if (!sync.holdsNothing && (this.#store === undefined || this.#store.lags(name))) return false
    this.#close(name, entry, sync)
    return true
  }

  #idleLongest(): { readonly found: [string, OpenDocument] | undefined; readonly count: number } {
    let found: [string, OpenDocument] | undefined
    let count = 0
    for (const [name, entry] of this.#entries) {
      if (entry.making || !this.#isIdle(name, entry)) continue
      count++
      if (found === undefined || entry.idleSince < found[1].idleSince) found = [name, entry]
    }
    return { found, count }
  }

  /** Lets go of the one that is idle longest. Throws `Full` when none is. */
  #makeRoom(): Promise<void> {
    const { found } = this.#idleLongest()
    if (found === undefined) {
      throw new ZincError("Full", `${this.#o.maxDocuments} documents are open here; close some, or raise maxDocuments`)
    }
    const [name, entry] = found
    entry.making = true
    return this.#letGo(name, entry).then(gone => {
      entry.making = false
      if (gone) return
      throw new ZincError(
        "Full",
        `${this.#o.maxDocuments} documents are open here, and none could be let go just now`,
        {
          retryable: true,
          retryAfterMs: fullRetryMs,
        },
      )
    })
  }

  // ---- what a voter keeps ----

  /** Opens it as for somebody below, for one exchange. Rejects as `obtain` and `DocumentSync.synchronized` do. */
  async visit(name: string, type: string, signal: AbortSignal): Promise<void> {
    const entry = this.obtain(name, type)
    entry.users++
    try {
      const sync = await entry.opened
      await sync.synchronized(signal)
    } finally {
      await this.release(name, entry)
    }
  }

  /** Puts it in storage only, if nobody has it open and all of it is above. */
  async putAway(name: string): Promise<void> {
    const entry = this.#entries.get(name)
    if (entry !== undefined && !entry.making && this.#isIdle(name, entry)) await this.#letGo(name, entry)
  }

  /** Of those that nobody has open only so many stay: the ones that changed last. */
  async keepOpen(most: number): Promise<void> {
    for (;;) {
      const { found, count } = this.#idleLongest()
      if (found === undefined || count <= most) return
      if (!(await this.#letGo(...found))) return
    }
  }

  /** For a fragment of a document that nobody has open: only what was kept is opened for it. */
  async openStored(name: string): Promise<DocumentSync | undefined> {
    let entry = this.#entries.get(name)
    if (entry === undefined) {
      const stored = await this.#store?.load(name)
      if (stored === undefined) return undefined
      entry = this.obtain(name, stored.type)
      this.#idle(entry)
    }
    return entry.opened
  }

  /** Waits until nothing of it is pending here, and no longer than that. */
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
}

function mismatch(name: string, is: string, asked: string): ZincError {
  return new ZincError("TypeMismatch", `document "${name}" is of type "${is}", not "${asked}"; open it as that`)
}

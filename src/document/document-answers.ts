/**
 * What those below ask of documents, answered (DESIGN D4): exchanges, the pieces of long ones, pushes and presence. Who
 * asks for a document has it open here from then on, until it says otherwise or is gone.
 */
import { noBytes } from "../core/bytes.ts"
import { type ErrorCode, messageOf, ZincError } from "../core/errors.ts"
import type { EndpointId } from "../core/id.ts"
import type { DocumentPort } from "../endpoint/document-port.ts"
import { TopicKind } from "../message/topic.ts"
import { Allowance } from "./allowance.ts"
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
import type { DocumentSync } from "./document-sync.ts"
import type { OpenDocument, OpenDocuments } from "./open-documents.ts"
import { Pushes } from "./pushes.ts"
import { Shares } from "./shares.ts"
import { type Offer, Transfers } from "./transfer.ts"

export interface DocumentAnswersOptions {
  readonly port: DocumentPort
  readonly documents: OpenDocuments
  readonly maxDocumentsPerClient: number
  readonly maxDocumentBytes: number
}

/** Whom a host without content asks for it: one at a time, each for this long. */
const uploadMs = 500
/** Who asked for one that was closed meanwhile asks again after this long, here or elsewhere. */
const closedRetryMs = 100

export class DocumentAnswers {
  readonly #port: DocumentPort
  readonly #documents: OpenDocuments
  readonly #shares: Shares
  readonly #allowance: Allowance
  readonly #transfers: Transfers
  readonly #pushes: Pushes
  readonly #stops: (() => void)[]

  constructor({ port, documents, maxDocumentsPerClient, maxDocumentBytes }: DocumentAnswersOptions) {
    this.#port = port
    this.#documents = documents
    this.#shares = new Shares(maxDocumentsPerClient)
    this.#allowance = new Allowance(port.clock)
    this.#transfers = new Transfers(port.clock)
    this.#pushes = new Pushes(port.clock, maxDocumentBytes)
    this.#stops = [
      port.answer(DocumentTopic.Sync, (payload, from) => this.#answerSync(payload, from)),
      port.answer(DocumentTopic.Pull, (payload, from) => this.#answerPull(payload, from)),
      port.answer(DocumentTopic.Push, (payload, from) => this.#answerPush(payload, from)),
      port.answer(DocumentTopic.Presence, (payload, from) => this.#answerPresence(payload, from)),
      port.answer(DocumentTopic.Leave, (payload, from) => this.#answerLeave(payload, from)),
      port.onGone(id => this.#gone(id)),
    ]
  }

  /** Somebody below has it open. */
  holds(name: string): boolean {
    return this.#shares.holds(name)
  }

  /** Somebody below is sending its content. */
  isArriving(name: string): boolean {
    return this.#pushes.under(name)
  }

  /** Answers nothing more. */
  stop(): void {
    for (const stop of this.#stops) stop()
  }

  /** Lets go of what is half sent, either way. */
  close(): void {
    this.#transfers.close()
    this.#pushes.close()
  }

  /** Does something for one below with a document, which counts as open there from then on. */
  async #serve<T>(name: string, type: string, from: EndpointId, work: (entry: OpenDocument, sync: DocumentSync) => T) {
    const had = this.#shares.has(name, from)
    this.#shares.add(name, from)
    let entry: OpenDocument | undefined
    try {
      entry = this.#documents.obtain(name, type)
      entry.users++
      const sync = await entry.opened
      if (!this.#port.isRoot && this.#port.linked) await sync.synchronized()
      return work(entry, sync)
    } catch (thrown) {
      if (entry?.sync === undefined && !had) this.#shares.delete(name, from)
      throw thrown
    } finally {
      if (entry !== undefined) void this.#documents.release(name, entry)
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

  #compare(entry: OpenDocument, sync: DocumentSync, version: Uint8Array, from: EndpointId): Uint8Array {
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
  #offer(entry: OpenDocument, sync: DocumentSync, version: Uint8Array): { covered: boolean; offer?: Offer } {
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
    const entry = this.#documents.get(name)
    if (entry === undefined) return
    entry.presence.gone(from)
    this.#documents.unheld(name, entry)
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
    // One that was closed here while it was asked for is not refused: it is opened again, or this endpoint is leaving.
    const retryAfterMs = thrown.retryAfterMs ?? (thrown.code === "Closed" ? closedRetryMs : undefined)
    return { code: thrown.code, reason: thrown.message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  }
}

function refusing(code: ErrorCode, reason: string, retryAfterMs: number): Uint8Array {
  return encodeMessage(DocumentSyncReplySchema, { refusal: { code, reason, retryAfterMs } })
}

function tooMuch(retryAfterMs: number): ZincError {
  return new ZincError("Full", "you have asked for much at once", { retryable: true, retryAfterMs })
}

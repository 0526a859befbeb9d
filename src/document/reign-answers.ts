/** What voters ask of the root, answered: which documents it holds. A relay passes the question on to the host above. */
import { equalBytes } from "../core/bytes.ts"
import { messageOf, ZincError } from "../core/errors.ts"
import type { EndpointId } from "../core/id.ts"
import type { DocumentPort } from "../endpoint/document-port.ts"
import { TopicKind } from "../message/topic.ts"
import {
  DocumentHeldReplySchema,
  DocumentHeldRequestSchema,
  DocumentTopic,
  decodeMessage,
  encodeMessage,
} from "./document-message.ts"
import type { DocumentStore } from "./document-store.ts"
import { HeldList, heldWaitMs } from "./held-list.ts"
import type { OpenDocuments } from "./open-documents.ts"

/** Documents named in one answer. */
const pageMax = 64
/** The way up and down again, beyond what an answer waits for. */
const wayMs = 5_000
/** How long a question for the list is waited for. */
export const heldDeadlineMs: number = heldWaitMs + wayMs

export interface ReignAnswersOptions {
  readonly port: DocumentPort
  readonly documents: OpenDocuments
  readonly store: () => DocumentStore | undefined
}

export class ReignAnswers {
  readonly #o: ReignAnswersOptions
  readonly #stops: (() => void)[]
  #list: HeldList | undefined
  /** When all that is in storage is on the list. */
  #listed: Promise<void> = Promise.resolve()

  constructor(options: ReignAnswersOptions) {
    this.#o = options
    this.#stops = [
      options.port.answer(DocumentTopic.Held, (payload, from) => this.#answer(payload, from)),
      options.port.onGone(id => this.#list?.gone(id)),
    ]
  }

  /** This endpoint is the root of a tree with voters from now on. */
  begin(): void {
    const { port, documents } = this.#o
    this.end()
    const list = new HeldList(port.clock, port.random)
    this.#list = list
    for (const sync of documents.all) if (!sync.holdsNothing) list.holds(sync.name)
    this.#listed = this.#listStored(list)
  }

  /** The document changed here. */
  changed(name: string): void {
    this.#list?.changed(name)
  }

  /** It is the root no more. */
  end(): void {
    this.#list?.close()
    this.#list = undefined
  }

  close(): void {
    for (const stop of this.#stops) stop()
    this.end()
  }

  async #listStored(list: HeldList): Promise<void> {
    const { port, store } = this.#o
    try {
      for await (const name of store()?.names() ?? []) {
        if (this.#list !== list) return
        list.holds(name)
      }
    } catch (thrown) {
      port.logger.error("what documents are in storage could not be listed; voters keep those that change", {
        reason: messageOf(thrown),
      })
    }
  }

  async #answer(payload: Uint8Array, from: EndpointId): Promise<Uint8Array> {
    const { port } = this.#o
    if (!port.isRelay(from)) throw new ZincError("Unauthorized", "only a relay may ask which documents there are")
    if (!port.isRoot) return port.ask(DocumentTopic.Held, payload, { deadlineMs: heldDeadlineMs })
    const { list: known, after, wait } = decodeMessage(DocumentHeldRequestSchema, payload)
    await this.#listed
    const list = this.#list
    if (list === undefined) throw new ZincError("Unsupported", "there are no voters here")
    const isKnown = equalBytes(known, list.id)
    const from0 = isKnown ? Number(after) : 0
    if (wait && isKnown && from0 >= list.last) await list.more(from)
    const { names, through } = list.after(from0, pageMax)
    const documents: { name: string; type: string }[] = []
    for (const name of names) {
      if (!port.allows(from, "receive", TopicKind.Document, name)) continue
      const type = await this.#typeOf(name)
      if (type !== undefined) documents.push({ name, type })
    }
    return encodeMessage(DocumentHeldReplySchema, {
      list: list.id,
      documents,
      through: BigInt(through),
      last: BigInt(list.last),
    })
  }

  async #typeOf(name: string): Promise<string | undefined> {
    const { documents, store } = this.#o
    return (
      documents.get(name)?.type.name ??
      (
        await store()
          ?.load(name)
          .catch(() => undefined)
      )?.type
    )
  }
}

/**
 * Fragments of documents that this host has let go: someone who had one open sends what was on its way. They wait for the
 * document to be opened from storage, bounded in number and octets; what finds no place is dropped, and comes with its
 * sender's next exchange.
 */
import type { DocumentPort, ReceivedFragment } from "../endpoint/document-port.ts"
import { TopicKind } from "../message/topic.ts"

const bytesMax = 8 * 1024 * 1024
const documentsMax = 256

export class Strays {
  readonly #open: (name: string) => Promise<{ take(fragments: readonly ReceivedFragment[]): void } | undefined>
  readonly #follow: { close(): void }
  readonly #waiting = new Map<string, ReceivedFragment[]>()
  #bytes = 0

  /** `open` resolves with nothing for a document that was never kept. */
  constructor(
    port: DocumentPort,
    open: (name: string) => Promise<{ take(fragments: readonly ReceivedFragment[]): void } | undefined>,
  ) {
    this.#open = open
    this.#follow = port.followOthers(TopicKind.Document, (name, fragments) => this.#add(name, fragments))
  }

  close(): void {
    this.#follow.close()
    this.#waiting.clear()
  }

  #add(name: string, fragments: readonly ReceivedFragment[]): void {
    let waiting = this.#waiting.get(name)
    if (waiting === undefined) {
      if (this.#waiting.size >= documentsMax) return
      waiting = []
      this.#waiting.set(name, waiting)
      void this.#take(name, waiting)
    }
    for (const fragment of fragments) {
      if (this.#bytes + fragment.payload.length > bytesMax) return
      this.#bytes += fragment.payload.length
      waiting.push({ ...fragment, payload: fragment.payload.slice() })
    }
  }

  async #take(name: string, waiting: readonly ReceivedFragment[]): Promise<void> {
    // It is opened for good before anything is taken out, so that what comes meanwhile waits too.
    const document = await this.#open(name).catch(() => undefined)
    if (this.#waiting.get(name) === waiting) this.#waiting.delete(name)
    for (const { payload } of waiting) this.#bytes -= payload.length
    document?.take(waiting)
  }
}

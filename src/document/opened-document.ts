/** One opening of a document by a user here: its view of the copy that all openings share, until it is closed. */
import { ZincError } from "../core/errors.ts"
import type { DocumentEvent, DocumentHandle, DocumentState, DocumentTier } from "./document-handle.ts"
import type { DocumentSync } from "./document-sync.ts"
import type { Presence } from "./presence.ts"

/** Whom the copy belongs to. */
export interface DocumentOwner {
  close(): Promise<void>
  presence(): Presence
  durable(signal: AbortSignal | undefined): Promise<void>
}

export class OpenedDocument implements DocumentHandle {
  readonly #sync: DocumentSync
  readonly #owner: DocumentOwner
  readonly #stops: (() => void)[] = []
  #closing: Promise<void> | undefined

  constructor(sync: DocumentSync, owner: DocumentOwner) {
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
    // What the root has the nearest host has received; documents are acknowledged from there only.
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

/** What every open document offers besides its content, whatever its type. Views extend `OpenDocument` to have it. */
import type { ErrorCode } from "../core/errors.ts"
import type { Presence } from "./presence.ts"

/**
 * Who has all changes made here so far (DESIGN D5): the nearest host, the root, the root's storage. "durable" is refused
 * with `Unsupported` where the storage does not outlive its process.
 */
export type DocumentTier = "received" | "rooted" | "durable"

/**
 * - "synchronizing": exchanging versions and differences with the host
 * - "synchronized": equal with the host but for what is on its way; edits travel as they are made
 * - "offline": no host now; edits stay here and travel once there is one
 * - "refused": the host will not have it; edits stay here
 * - "closed": closed here
 */
export type DocumentState = "synchronizing" | "synchronized" | "offline" | "refused" | "closed"

export type DocumentEvent =
  /** The content changed, here or elsewhere. Several changes of one arrival are one event. */
  | { readonly type: "change"; readonly source: "local" | "remote" }
  /** The state is another. */
  | { readonly type: "state"; readonly state: DocumentState }
  /** An exchange of versions ended: everything either side lacked is on its way or here. */
  | { readonly type: "synchronized" }
  /** The host will not have this document, or what was sent. */
  | { readonly type: "refused"; readonly code: ErrorCode; readonly reason: string }

export interface DocumentHandle extends AsyncDisposable {
  readonly name: string
  readonly state: DocumentState
  /** Shorthand for `state === "synchronized"`. */
  readonly synchronized: boolean
  /** Equal octets at two endpoints if and only if they hold the same document. */
  version(): Uint8Array
  /** Who else has it open, for types that show such a thing. Costs nothing until it is first asked for. */
  readonly presence: Presence
  /** Resolves when all changes made here before the call are there. Rejects with `Closed`, `Aborted`, `Refused` or `Unsupported`. */
  acknowledged(tier?: DocumentTier, options?: { readonly signal?: AbortSignal }): Promise<void>
  on<T extends DocumentEvent["type"] | "*">(
    type: T,
    listener: (event: T extends "*" ? DocumentEvent : Extract<DocumentEvent, { type: T }>) => void,
  ): () => void
  /**
   * Ends this opening; others of the same name stay. The last one hands on what is pending, waiting for room at most five
   * seconds, and lets the copy go; a host keeps its copy for those who join later, in storage after a while. Idempotent.
   */
  close(): Promise<void>
}

/** Passes the handle through, so that a view is handle and content in one. */
export abstract class OpenDocument implements DocumentHandle {
  readonly #handle: DocumentHandle

  constructor(handle: DocumentHandle) {
    this.#handle = handle
  }

  get name(): string {
    return this.#handle.name
  }
  get state(): DocumentState {
    return this.#handle.state
  }
  get synchronized(): boolean {
    return this.#handle.synchronized
  }
  get presence(): Presence {
    return this.#handle.presence
  }
  version(): Uint8Array {
    return this.#handle.version()
  }
  acknowledged(tier?: DocumentTier, options?: { readonly signal?: AbortSignal }): Promise<void> {
    return this.#handle.acknowledged(tier, options)
  }
  on<T extends DocumentEvent["type"] | "*">(
    type: T,
    listener: (event: T extends "*" ? DocumentEvent : Extract<DocumentEvent, { type: T }>) => void,
  ): () => void {
    return this.#handle.on(type, listener)
  }
  close(): Promise<void> {
    return this.#handle.close()
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/**
 * An endpoint with all it can do: messages and documents. It knows no default transport: the front doors (zinc.ts, and
 * browser/ for pages) fill that in.
 */
import { checkOptions } from "./core/arguments.ts"
import { ZincError } from "./core/errors.ts"
import { having, inside, type OptionTable } from "./core/option-table.ts"
import type { DocumentHandle, DocumentState } from "./document/document-handle.ts"
import { type DocumentOptions, DocumentService, type OpenDocumentOptions } from "./document/document-service.ts"
import type { DocumentSyncStatistics } from "./document/document-sync.ts"
import type { DocumentType } from "./document/document-type.ts"
import type { HostOptions, JoinOptions } from "./endpoint/api.ts"
import { MessageEndpoint } from "./endpoint/message-endpoint.ts"
import { elsewhere } from "./endpoint/option-check.ts"
import { MemoryStorage } from "./storage/memory/memory-storage.ts"

/** What documents add to the options of an endpoint. */
export interface WithDocuments {
  readonly documents?: DocumentOptions
}

const storage = having("a Storage, such as new MemoryStorage()", "get", "write", "list")
/** Those that are numbers are checked by whom they are for. */
const documentOptions: OptionTable = {
  types: elsewhere,
  storage,
  idleStorage: storage,
  saveAfterMs: elsewhere,
  maxDocuments: elsewhere,
  maxDocumentsPerClient: elsewhere,
  keepIdleMs: elsewhere,
  maxDocumentBytes: elsewhere,
}

export class WholeEndpoint extends MessageEndpoint {
  readonly #documents: DocumentService

  protected constructor(
    options: (HostOptions | JoinOptions) & WithDocuments,
    role: "host" | "relay" | "client",
    more: OptionTable = {},
  ) {
    super(options, role, { documents: inside(documentOptions), ...more })
    const { documents = {} } = options
    this.#documents = new DocumentService(this.documentPort, { idleStorage: new MemoryStorage(), ...documents })
    void this.closed.then(() => this.#documents.abort())
  }

  /**
   * Opens a document of that type: everyone in the tree who opens the name edits the same one. Resolves when it is here: at
   * once at the host, elsewhere after the first exchange with it. Opening a name twice shares the copy. Rejects with
   * `BadTopic` for a bad name, `TypeMismatch`, `Unsupported` (the host does not know the type), `Full`, `Refused`, `Aborted`
   * or `Closed`.
   */
  document<View extends DocumentHandle>(
    name: string,
    type: DocumentType<View>,
    options?: OpenDocumentOptions,
  ): Promise<View> {
    return this.#documents.open(name, type, options)
  }

  /** The documents this endpoint keeps now: those opened here and, at a host, those others asked for. */
  get documents(): readonly DocumentInfo[] {
    return this.#documents.documents.map(sync => ({
      name: sync.name,
      type: sync.type.name,
      state: sync.state,
      statistics: sync.statistics,
    }))
  }

  /** As `MessageEndpoint.close`; documents hand on what is pending first, within the same time. */
  override async close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    checkOptions(options)
    const { timeoutMs = 5_000 } = options
    if (typeof timeoutMs !== "number") throw new ZincError("BadOption", "timeoutMs is a number of milliseconds")
    const { clock } = this.documentPort
    const began = clock.now()
    await this.#documents.close(timeoutMs)
    await super.close({ timeoutMs: Math.max(1, timeoutMs - (clock.now() - began)) })
  }

  override abort(reason?: ZincError): void {
    this.#documents.abort()
    super.abort(reason)
  }
}

export interface DocumentInfo {
  readonly name: string
  readonly type: string
  readonly state: DocumentState
  readonly statistics: DocumentSyncStatistics
}

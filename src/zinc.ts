/**
 * The front door's endpoint: messages and documents, with everything filled in. Below it nothing knows which transport is
 * the default.
 */
import { checkOptions } from "./core/arguments.ts"
import { ZincError } from "./core/errors.ts"
import { warningLogger } from "./core/warning-logger.ts"
import type { DocumentHandle, DocumentState } from "./document/document-handle.ts"
import { type DocumentOptions, DocumentService, type OpenDocumentOptions } from "./document/document-service.ts"
import type { DocumentSyncStatistics } from "./document/document-sync.ts"
import type { DocumentType } from "./document/document-type.ts"
import type { HostOptions, JoinOptions } from "./endpoint/api.ts"
import { MessageEndpoint } from "./endpoint/message-endpoint.ts"
import { MemoryStorage } from "./storage/memory/memory-storage.ts"
import { ZmtpTransport } from "./transport/zmtp/index.ts"

/** What documents add to the options of an endpoint. */
export interface WithDocuments {
  readonly documents?: DocumentOptions
}

/**
 * A node of a tree: hosts a cluster or joins one. All it opens is closed with it.
 *
 *     const host = await Endpoint.host({ listen: "tcp://*:7700" })
 *     const me = await Endpoint.join("tcp://hub.local:7700")
 *     const notes = await me.document("notes", text)
 */
export class Endpoint extends MessageEndpoint {
  readonly #documents: DocumentService

  protected constructor(options: (HostOptions | JoinOptions) & WithDocuments, role: "host" | "relay" | "client") {
    super(options, role)
    const { documents = {} } = options
    checkOptions(documents)
    this.#documents = new DocumentService(this.documentPort, { idleStorage: new MemoryStorage(), ...documents })
    void this.closed.then(() => this.#documents.abort())
  }

  /**
   * Opens an endpoint that hosts a cluster; resolves when every address is bound. The default transport is
   * `new ZmtpTransport()`. Rejects with `AddressInUse`, `BadAddress`, `BadOption`, `Unguarded`, `Unreachable` or `Aborted`.
   *
   *     const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0", name: "hub" })
   *     console.log("others join", host.addresses[0])
   */
  static override async host(options: HostOptions & WithDocuments): Promise<Endpoint> {
    const endpoint = new Endpoint(withDefaults(options), "host")
    await endpoint.openHost(options)
    return endpoint
  }

  /**
   * Opens an endpoint that joins the host at the address, or at the first of several that takes it; resolves when nothing
   * sent from then on will be missed. Later it comes back to a lost host by itself. The default transport is
   * `new ZmtpTransport()`. Rejects with `Unreachable`, `Refused`, `Unauthorized`, `VersionMismatch`, `Timeout`,
   * `BadAddress`, `BadOption` or `Aborted`.
   *
   *     const ada = await Endpoint.join("tcp://hub.local:7700", { name: "ada" })
   */
  static override async join(
    address: string | readonly string[],
    options: JoinOptions & WithDocuments = {},
  ): Promise<Endpoint> {
    const endpoint = new Endpoint(withDefaults(options), options?.listen === undefined ? "client" : "relay")
    await endpoint.openClient(address, options)
    return endpoint
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

function withDefaults<O extends HostOptions | JoinOptions>(options: O): O {
  if (typeof options !== "object" || options === null) return options
  const logger = options.logger ?? warningLogger()
  return { ...options, logger, transport: options.transport ?? new ZmtpTransport({ logger }) }
}

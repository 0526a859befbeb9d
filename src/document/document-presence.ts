/**
 * Who is present in one document, for those here and those below: the table at the root, a mirror of it elsewhere. Made
 * when first asked for.
 */
import { ZincError } from "../core/errors.ts"
import { type EndpointId, endpointIdFromBytes } from "../core/id.ts"
import type { DocumentPort } from "../endpoint/document-port.ts"
import { LastingPresence } from "./lasting-presence.ts"
import { checkPresence, clashRetryMs, type Presence } from "./presence.ts"
import { PresenceMirror } from "./presence-mirror.ts"
import { type PresenceList, PresenceTable } from "./presence-table.ts"

/** A relay that has just begun to follow who is present knows it about now; one without a host later. */
const listRetryMs = 50
const unlinkedRetryMs = 500

/** What one says of itself or, for a relay, of another: no state when it is not present any more. */
export interface Said {
  readonly endpoint: Uint8Array
  readonly client: bigint
  readonly state: Uint8Array
}

export class DocumentPresence {
  readonly #port: DocumentPort
  readonly #name: string
  readonly #type: string
  #table: PresenceTable | undefined
  #mirror: PresenceMirror | undefined
  #here: LastingPresence | undefined
  readonly #stopLink: () => void

  constructor(port: DocumentPort, name: string, type: string) {
    this.#port = port
    this.#name = name
    this.#type = type
    this.#stopLink = port.onLink(change => {
      if (change === "root") this.#reign()
      else if (change === "down" && !port.isRoot) this.#abdicate()
    })
  }

  /** As those who have the document open here see it, all of them as one. */
  get here(): Presence {
    this.#here ??= new LastingPresence(this.#seenHere(), this.#port.logger)
    return this.#here
  }

  #seenHere(): Presence & { close(): void } {
    return this.#port.isRoot ? this.#ownTable.seenBy(this.#port.id) : this.#ownMirror.seenHere()
  }

  /** The root has the table: what was said here so far is its beginning. */
  #reign(): void {
    const mirror = this.#mirror
    if (mirror === undefined) return
    this.#mirror = undefined
    const { spoken } = mirror
    this.#here?.leave()
    mirror.close()
    for (const { endpoint, client, state, via } of spoken) this.#ownTable.set(endpoint, client, state, via)
    this.#here?.follow(this.#seenHere())
  }

  /** Another root has the table: it hears from here what was said here. */
  #abdicate(): void {
    const table = this.#table
    if (table === undefined) return
    this.#table = undefined
    const { spoken } = table
    this.#here?.leave()
    table.close()
    for (const { endpoint, client, state, via } of spoken) this.#ownMirror.say(endpoint, client, state, via)
    this.#here?.follow(this.#seenHere())
  }

  /** Nobody has the document open here any more. */
  leftHere(): void {
    this.#here?.close()
    this.#here = undefined
  }

  /** Nor has anybody below, and we are not the root: what is said up there ends when the host hears of the closing. */
  leftByAll(): void {
    this.leftHere()
    this.#mirror?.close()
    this.#mirror = undefined
  }

  /** One of those below is gone. */
  gone(from: EndpointId): void {
    this.#table?.gone(from)
    this.#mirror?.gone(from)
  }

  close(): void {
    this.#stopLink()
    this.leftHere()
    this.#table?.close()
    this.#mirror?.close()
  }

  /**
   * One of those below says where it is. Throws `TooLarge`, or `Refused` while another is present under that client number,
   * or when it has moved: what it said before came late.
   */
  say(from: EndpointId, own: Said): void {
    if (!this.#port.reaches(from, from)) throw moved()
    this.#say(from, own, from)
  }

  /** A relay says where those below it are. Returns whose client numbers others have, and who is below another now. */
  sayFor(relay: EndpointId, below: readonly Said[]): Uint8Array[] {
    const clashing: Uint8Array[] = []
    for (const said of below) {
      if (said.endpoint.length !== 16) throw new ZincError("BadFrame", "an endpoint is sixteen octets")
      const endpoint = endpointIdFromBytes(said.endpoint)
      try {
        if (said.state.length > 0 && !this.#port.reaches(endpoint, relay)) throw moved()
        this.#say(endpoint, said, relay)
      } catch (thrown) {
        if (!ZincError.is(thrown) || thrown.code !== "Refused") throw thrown
        clashing.push(said.endpoint)
      }
    }
    return clashing
  }

  /** What changed after that revision, or its first part. Throws `PeerLost`, to be tried again, while it is not known. */
  list(after: number): PresenceList {
    const list = this.#port.isRoot ? this.#ownTable.list(after) : this.#ownMirror.list(after)
    if (list !== undefined) return list
    throw new ZincError("PeerLost", "the host above has not told who is present", {
      retryable: true,
      retryAfterMs: this.#port.linked ? listRetryMs : unlinkedRetryMs,
    })
  }

  #say(endpoint: EndpointId, { client, state }: Said, via: EndpointId): void {
    checkPresence(this.#name, state)
    const said = state.length === 0 ? undefined : state
    if (this.#port.isRoot) this.#ownTable.set(endpoint, Number(client), said, via)
    else this.#ownMirror.say(endpoint, Number(client), said, via)
  }

  get #ownTable(): PresenceTable {
    this.#table ??= new PresenceTable(this.#port, this.#name)
    return this.#table
  }
  get #ownMirror(): PresenceMirror {
    this.#mirror ??= new PresenceMirror(this.#port, this.#name, this.#type)
    return this.#mirror
  }
}

function moved(): ZincError {
  return new ZincError("Refused", "it is below another host now", { retryable: true, retryAfterMs: clashRetryMs })
}

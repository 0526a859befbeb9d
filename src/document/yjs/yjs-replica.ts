/** A replica of any document that lives in a Y.Doc; the types differ in their views only. */
import type { Awareness } from "y-protocols/awareness"
import * as Y from "yjs"
import type { Clock } from "../../core/clock.ts"
import { messageOf, ZincError } from "../../core/errors.ts"
import type { Logger } from "../../core/logger.ts"
import type { Random } from "../../core/random.ts"
import type { DocumentHandle } from "../document-handle.ts"
import type { Applied, ChangeSource, Replica, ReplicaOptions } from "../document-type.ts"
import type { Presence } from "../presence.ts"
import { PresenceAwareness } from "./awareness.ts"
import { LocalChanges } from "./local-changes.ts"
import { QuietDoc } from "./quiet-doc.ts"
import { remoteOrigin } from "./remote-origin.ts"
import { UndoSteps } from "./undo-steps.ts"
import { readVersion, sameDigest, versionOf } from "./version.ts"

/** Octets of updates held back for what they depend on; past this they are dropped, and an exchange brings them again. */
const prematureBytesMax = 1024 * 1024
export interface YjsReplicaOptions<View extends DocumentHandle> extends ReplicaOptions {
  readonly view: (replica: YjsReplica<View>, handle: DocumentHandle) => View
  readonly snapshot: (doc: Y.Doc) => unknown
}

export class YjsReplica<View extends DocumentHandle> implements Replica<View> {
  readonly doc: Y.Doc
  readonly #options: YjsReplicaOptions<View>
  readonly #random: Random
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #local: LocalChanges
  readonly #listeners = new Set<(source: ChangeSource) => void>()
  #clientId: number
  #version: Uint8Array | undefined
  #undo: UndoSteps | undefined
  #awareness: { readonly presence: Presence; readonly states: PresenceAwareness } | undefined

  constructor(state: Uint8Array | undefined, options: YjsReplicaOptions<View>) {
    this.#options = options
    this.#random = options.random
    this.#clock = options.clock
    this.#logger = options.logger
    this.doc = new QuietDoc({ guid: "zinc" })
    this.#clientId = this.#random.u32()
    this.doc.clientID = this.#clientId
    this.#local = new LocalChanges(this.doc)
    if (state !== undefined) {
      try {
        Y.applyUpdate(this.doc, state, remoteOrigin)
      } catch (cause) {
        throw new ZincError("BadPayload", "the stored state is no Yjs document; restore it from a copy", { cause })
      }
    }
    this.doc.on("afterTransaction", this.#afterTransaction)
    this.doc.on("afterTransactionCleanup", this.#afterCleanup)
  }

  view(handle: DocumentHandle): View {
    return this.#options.view(this, handle)
  }

  /** One for all views, made when first asked for. */
  awareness(presence: Presence): Awareness {
    if (this.#awareness?.presence !== presence) {
      this.#awareness = { presence, states: new PresenceAwareness(this.doc, presence) }
    }
    return this.#awareness.states
  }

  onChange(listener: (source: ChangeSource) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  apply(fragments: readonly Uint8Array[]): Applied {
    let refused = 0
    let done: Y.Transaction | undefined
    try {
      Y.transact(
        this.doc,
        transaction => {
          done = transaction
          for (const fragment of fragments) {
            try {
              Y.applyUpdate(this.doc, fragment, remoteOrigin)
            } catch {
              refused++
            }
          }
        },
        remoteOrigin,
        false,
      )
    } catch (thrown) {
      // The octets were dealt with above: this comes from a listener, and the document is changed all the same.
      this.#logger.error("a listener of a document threw", { reason: messageOf(thrown) })
    }
    const { store } = this.doc
    if (store.pendingStructs !== null && store.pendingStructs.update.length > prematureBytesMax) this.dropPremature()
    return {
      changed: done !== undefined && didChange(done),
      premature: store.pendingStructs !== null || store.pendingDs !== null,
      refused,
    }
  }

  dropPremature(): void {
    this.doc.store.pendingStructs = null
    this.doc.store.pendingDs = null
  }

  get pending(): boolean {
    return this.#local.pending
  }
  gather(): Uint8Array | undefined {
    return this.#local.encode()
  }
  settle(): void {
    this.#local.clear()
  }

  version(): Uint8Array {
    this.#version ??= versionOf(this.doc)
    return this.#version
  }

  covers(version: Uint8Array): boolean {
    const theirs = readVersion(version)
    for (const [client, clock] of theirs.clocks) if (this.#clockOf(client) < clock) return false
    return sameDigest(theirs, readVersion(this.version()))
  }

  diff(since: Uint8Array): Uint8Array | undefined {
    const theirs = readVersion(since)
    const ours = readVersion(this.version())
    let lacks = !sameDigest(theirs, ours)
    for (const [client, clock] of ours.clocks) lacks ||= (theirs.clocks.get(client) ?? 0) < clock
    return lacks ? Y.encodeStateAsUpdate(this.doc, theirs.stateVector) : undefined
  }

  state(): Uint8Array {
    return Y.encodeStateAsUpdate(this.doc)
  }
  snapshot(): unknown {
    return this.#options.snapshot(this.doc)
  }

  keepUndo(): void {
    this.#undo ??= new UndoSteps(this.doc, this.#clock)
  }
  undo(): boolean {
    return this.#undo?.undo() ?? false
  }
  redo(): boolean {
    return this.#undo?.redo() ?? false
  }

  close(): void {
    this.doc.off("afterTransaction", this.#afterTransaction)
    this.doc.off("afterTransactionCleanup", this.#afterCleanup)
    this.#listeners.clear()
    this.#undo?.close()
    this.doc.destroy()
  }

  #clockOf(client: number): number {
    const structs = this.doc.store.clients.get(client)
    const last = structs?.[structs.length - 1]
    return last === undefined ? 0 : last.id.clock + last.length
  }

  readonly #afterTransaction = (transaction: Y.Transaction): void => {
    // Even a remote change can leave local ones: Yjs tidies formatting in a transaction of its own, which is local.
    const remote = transaction.origin === remoteOrigin
    const changed = remote ? didChange(transaction) : this.#local.note(transaction)
    if (!changed) return
    this.#version = undefined
    if (transaction.local) this.#undo?.note(transaction)
    for (const listener of this.#listeners) listener(remote ? "remote" : "local")
  }

  /** Yjs draws a new client id, from chance of its own, when another replica turns out to use ours. */
  readonly #afterCleanup = (): void => {
    if (this.doc.clientID === this.#clientId) return
    this.#clientId = this.#random.u32()
    this.doc.clientID = this.#clientId
    this.#awareness?.states.follow(this.#clientId)
  }
}

function didChange(transaction: Y.Transaction): boolean {
  if (transaction.deleteSet.clients.size > 0) return true
  for (const [client, clock] of transaction.afterState) {
    if ((transaction.beforeState.get(client) ?? 0) !== clock) return true
  }
  return false
}

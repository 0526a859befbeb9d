/**
 * A y-protocols Awareness whose states travel as presence: editor bindings use it as they would any other. Who is gone is
 * the host's to say, so nothing here is renewed, and nothing runs out by a timer.
 */
import { Awareness } from "y-protocols/awareness"
import type * as Y from "yjs"
import { equalBytes, fromUtf8, utf8 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import type { Presence, PresenceChange, Present } from "../presence.ts"
import { remoteOrigin } from "./remote-origin.ts"

type Changes = { readonly added: number[]; readonly updated: number[]; readonly removed: number[] }

export class PresenceAwareness extends Awareness {
  readonly #presence: Presence
  #told: Uint8Array | undefined

  constructor(doc: Y.Doc, presence: Presence) {
    super(doc)
    // Its timer would remove everybody who has not moved for half a minute, and keep the process alive.
    clearInterval(this._checkInterval)
    this.#presence = presence
    this.on("update", (changes: Changes) => this.#onUpdate(changes))
    presence.onChange(change => this.#take(change))
    presence.onClose(() => this.destroy())
    this.#tell()
    this.#take({ changed: [...presence.others], gone: [] })
  }

  /** The document has another client id than before. */
  follow(clientId: number): void {
    const state = this.getLocalState()
    this.setLocalState(null)
    this.meta.delete(this.clientID)
    this.clientID = clientId
    this.setLocalState(state)
  }

  #onUpdate({ added, updated, removed }: Changes): void {
    const own = this.clientID
    if (added.includes(own) || updated.includes(own) || removed.includes(own)) this.#tell()
  }

  /** Throws `TooLarge` or `BadPayload`, at whoever set the state. */
  #tell(): void {
    const state = this.getLocalState()
    const octets = state === null ? undefined : written(state)
    if (octets !== undefined && this.#told !== undefined && equalBytes(octets, this.#told)) return
    this.#presence.set(this.clientID, octets)
    this.#told = octets
  }

  #take({ changed, gone }: PresenceChange): void {
    const added: number[] = []
    const updated: number[] = []
    const removed: number[] = []
    for (const { client } of gone) {
      if (client === this.clientID || !this.states.delete(client)) continue
      this.meta.delete(client)
      removed.push(client)
    }
    for (const present of changed) {
      const { client } = present
      const state = read(present)
      if (client === this.clientID || state === undefined) continue
      ;(this.states.has(client) ? updated : added).push(client)
      this.states.set(client, state)
      this.meta.set(client, { clock: (this.meta.get(client)?.clock ?? 0) + 1, lastUpdated: 0 })
    }
    if (added.length + updated.length + removed.length === 0) return
    this.emit("change", [{ added, updated, removed }, remoteOrigin])
    this.emit("update", [{ added, updated, removed }, remoteOrigin])
  }
}

function written(state: object): Uint8Array {
  try {
    return utf8(JSON.stringify(state))
  } catch (cause) {
    throw new ZincError("BadPayload", "the state of an awareness is what JSON can write", { cause })
  }
}

/** Undefined for what is none: an endpoint that says such a thing is not shown. */
function read({ state }: Present): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(fromUtf8(state))
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

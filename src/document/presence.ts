/**
 * Who is present in a document: for each endpoint that says so one state, such as a cursor and a name. Nothing of it is
 * kept: a state lasts until its endpoint says another, closes the document, or is gone. The host has the table and tells
 * those who follow; whoever asks for nobody's presence pays nothing.
 */
import { ZincError } from "../core/errors.ts"
import type { EndpointId } from "../core/id.ts"

/** Largest state of one endpoint. */
export const presenceBytesMax: number = 16 * 1024

/** Octets of states in one message, beyond which there is another. */
export const presencePartBytes: number = 64 * 1024
/** What an entry takes beside its state. */
export const presenceEntryBytes = 40
/** A clash of client numbers ends when one of the two is gone. */
export const clashRetryMs = 1_000

/** Another endpoint in the document. */
export interface Present {
  readonly endpoint: EndpointId
  /** How the document's type tells its replicas apart. */
  readonly client: number
  /** As the type writes it. */
  readonly state: Uint8Array
}

export interface PresenceChange {
  readonly changed: readonly Present[]
  readonly gone: readonly Present[]
}

/** What one endpoint sees of the others, and says of itself. */
export interface Presence {
  /** Says what is here; the latest counts, and nothing else may ever be sent. Undefined: not present. Throws `TooLarge`. */
  set(client: number, state: Uint8Array | undefined): void
  /** The others, as far as is known now. Without a host nobody is. */
  readonly others: Iterable<Present>
  /** Runs after each arrival that changed something. */
  onChange(listener: (change: PresenceChange) => void): () => void
  /** Runs when the document is closed here; then nobody is present any more. */
  onClose(listener: () => void): () => void
}

/** Throws `TooLarge`. */
export function checkPresence(name: string, state: Uint8Array | undefined): void {
  if (state === undefined || state.length <= presenceBytesMax) return
  throw new ZincError(
    "TooLarge",
    `a presence of ${state.length} octets in document "${name}"; the limit is ${presenceBytesMax}: put what is large into the document`,
  )
}

/** Two endpoints under one client number cannot be told apart. */
export function clash(client: number): ZincError {
  return new ZincError("Refused", `another endpoint is present as client ${client}`, {
    retryable: true,
    retryAfterMs: clashRetryMs,
  })
}

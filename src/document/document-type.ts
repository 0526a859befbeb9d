/**
 * The plug between Zinc and a kind of document. A type opens *replicas*; a replica keeps one copy, says what changed in
 * it, takes in what changed elsewhere, and compares itself with others by *version*. It knows nothing of networks.
 * `zincmq/testing` has the suite that every type must pass: `documentTypeSuite`.
 */
import type { Clock } from "../core/clock.ts"
import type { Logger } from "../core/logger.ts"
import type { Random } from "../core/random.ts"
import type { DocumentHandle } from "./document-handle.ts"

/**
 * - "commutative": fragments give the same document in whatever order, and however often, they are applied
 * - "sequenced": a host orders them, and may refuse or repair (not served yet; see `SequencedRules`)
 */
export type DocumentOrder = "commutative" | "sequenced"

export interface ReplicaOptions {
  /** Where identities of this replica come from, so that a seed repeats a whole run. */
  readonly random: Random
  /** Tells apart edits that follow each other closely (one step of undo) from those that do not. */
  readonly clock: Clock
  /** Told when a user's listener throws during a remote change. */
  readonly logger: Logger
}

export interface DocumentType<View extends DocumentHandle = DocumentHandle> {
  /** Travels on the wire: both ends must mean the same. 1–64 characters. */
  readonly name: string
  readonly order: DocumentOrder
  /** A replica of the state (as `Replica.state` gave it), or an empty one. Throws `BadPayload` for octets that are no state. */
  open(state: Uint8Array | undefined, options: ReplicaOptions): Replica<View>
  /** For `order: "sequenced"` only. */
  readonly rules?: SequencedRules
}

/**
 * What a host needs of a sequenced type. Clients hold their pending changes, and rebase them over what the host orders
 * before them. Nothing calls this yet: it is the place where ordered types will plug in.
 */
export interface SequencedRules {
  /** `change`, made against an older state, as it reads after `over` were applied. */
  transform(change: Uint8Array, over: readonly Uint8Array[]): Uint8Array
  /** The host's answer to a change that is next in order. */
  check(change: Uint8Array, state: Uint8Array, author: string): Verdict
}
export type Verdict =
  | { readonly type: "commit" }
  | { readonly type: "discard"; readonly reason: string }
  | { readonly type: "rebase"; readonly change: Uint8Array }

/** What came of applying fragments. */
export interface Applied {
  /** Whether the replica is another than before. */
  readonly changed: boolean
  /** Whether something is held back until what it depends on arrives: exchange versions to get it. */
  readonly premature: boolean
  /** How many of the fragments were not fragments of this type. The others were applied. */
  readonly refused: number
}

/** One copy of one document. Everything is synchronous; nothing here waits. */
export interface Replica<View extends DocumentHandle = DocumentHandle> {
  /** What a user edits and reads. Each opening gets its own, over the same copy. */
  view(handle: DocumentHandle): View
  /** Runs after each change; a "local" one leaves something to `gather`. */
  onChange(listener: (source: ChangeSource) => void): () => void
  /** Takes in fragments of others, all in one transaction. Never throws for bad octets. */
  apply(fragments: readonly Uint8Array[]): Applied

  /** Lets go of what `apply` held back: nobody has what it depends on. */
  dropPremature(): void

  /** Whether there are local changes that have not been gathered and settled. */
  readonly pending: boolean
  /** All pending local changes as one fragment; undefined when there are none. They stay pending until `settle`. */
  gather(): Uint8Array | undefined
  /** What `gather` gave (or what a `diff` held) has been handed on: nothing is pending any more. */
  settle(): void

  /** Equal octets if and only if the replicas hold the same document. Treat as opaque; its size follows the number of writers. */
  version(): Uint8Array
  /** Whether this replica certainly holds all of that version. False also when it cannot tell. Throws `BadPayload`. */
  covers(version: Uint8Array): boolean
  /** What a holder of that version lacks, as one fragment; undefined when it lacks nothing. Throws `BadPayload`. */
  diff(since: Uint8Array): Uint8Array | undefined
  /** The whole document; `open` takes it, and so does `apply`. */
  state(): Uint8Array
  /** The value as plain data, for comparing and printing. */
  snapshot(): unknown

  /** Starts keeping what undo needs. Called before the first view is made; a replica nobody edits here never pays for it. */
  keepUndo(): void
  /** Takes back the last step made here, never those of others. False when there is none. */
  undo(): boolean
  /** Makes the last step that was taken back again. False when there is none. */
  redo(): boolean

  close(): void
}

export type ChangeSource = "local" | "remote"

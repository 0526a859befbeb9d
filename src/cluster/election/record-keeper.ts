/** Where the root record lives, as the election needs it: a small linearisable register. */
import type { RootRecord } from "./root-record.ts"

export type ReadOutcome =
  | { readonly type: "read"; readonly record: RootRecord | undefined }
  | { readonly type: "unavailable" }

export type SetOutcome =
  | { readonly type: "set" }
  /** Another revision is there. */
  | { readonly type: "conflict"; readonly record: RootRecord | undefined }
  /** It may have been set or may still be: read before drawing conclusions. */
  | { readonly type: "unknown" }

/**
 * Keeps one root record. Reads and sets are linearisable. Every call ends with one outcome within a time of the keeper's
 * choosing; the election never waits for it while a root has its majority. Outcomes come after the call has returned.
 */
export interface RecordKeeper {
  read(done: (outcome: ReadOutcome) => void): void
  /** Sets the record if the one there has that revision (0: if there is none). */
  compareAndSet(revision: number, record: RootRecord, done: (outcome: SetOutcome) => void): void
  /** A compare-and-set will probably follow: what it needs beforehand may be done meanwhile. A hint. */
  expectChange?(): void
  /** Hears of changes, late or never: a hint. */
  watch(listener: (record: RootRecord) => void): void
}

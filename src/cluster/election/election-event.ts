/** What a voter tells whoever runs it. */

import type { StreamPlace } from "../../endpoint/stream-runs.ts"
import type { LogPosition, OrderedEntry } from "./ordered-entry.ts"
import type { LogSnapshot } from "./ordered-log.ts"
import type { GenerationId, RootRecord, VoterId } from "./root-record.ts"

export type ElectionEvent =
  /** The root seems to be gone. `why`: what showed it. */
  | { readonly type: "suspected"; readonly root: VoterId | undefined; readonly epoch: number; readonly why: string }
  /** We ask for the signatures of that epoch. */
  | { readonly type: "candidate"; readonly epoch: number }
  /** The candidacy ended without a reign. */
  | { readonly type: "failed"; readonly epoch: number; readonly why: string }
  /** Another's reign is obeyed from now on. */
  | { readonly type: "reign"; readonly epoch: number; readonly root: VoterId }
  /** The record is ours, and the log begins the reign with the entry at `at`. Authority follows when that is committed. */
  | { readonly type: "inherited"; readonly epoch: number; readonly at: LogPosition }
  /** Our reign is open: the opening entry is committed and the lease holds. Announce where each stream starts. */
  | {
      readonly type: "opened"
      readonly epoch: number
      readonly at: LogPosition
      readonly starts: ReadonlyMap<string, StreamPlace>
    }
  /** Our reign is over. */
  | { readonly type: "deposed"; readonly epoch: number; readonly why: string }
  /** Entries came into our copy of the log. */
  | { readonly type: "appended"; readonly entries: readonly OrderedEntry[] }
  /** R5: entries after that number are not part of the tree's log and were dropped from our copy. */
  | { readonly type: "rewound"; readonly after: number; readonly epoch: number }
  /** Entries are stored by a majority, in order. */
  | { readonly type: "committed"; readonly entries: readonly OrderedEntry[]; readonly through: number }
  /** Our copy begins anew from there: what came before is known as a table only. */
  | { readonly type: "restored"; readonly snapshot: LogSnapshot }
  /** The root record, newer than before. */
  | { readonly type: "record"; readonly record: RootRecord }
  /** Fewer than three voters: nobody is promoted when the root is lost. Said whenever it becomes true. */
  | { readonly type: "fewVoters"; readonly count: number }
  /** Somebody of another generation of this tree was heard and refused. */
  | { readonly type: "generationRefused"; readonly from: VoterId; readonly generation: GenerationId }
  /** A change of the set of voters is recorded and committed, or was given up. */
  | { readonly type: "votersChanged"; readonly record: RootRecord }
  | { readonly type: "votersKept"; readonly why: string }
  /** We are no voter any more. */
  | { readonly type: "removed" }

export type ElectionListener = (event: ElectionEvent) => void

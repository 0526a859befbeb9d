/** What the voting part tells whoever runs it. */
import type { ZincError } from "../../core/errors.ts"
import type { LogSnapshot, OrderedEntry, StreamPlace } from "../election/index.ts"
import type { GenerationId, RootRecord, VoterEntry, VoterId } from "../election/root-record.ts"

/** The root as it is known here. */
export interface ReigningRoot {
  readonly voterId: VoterId
  readonly epoch: number
  /** Where it is dialled. */
  readonly addresses: readonly string[]
  /** The endpoint that it is now, where that is known. */
  readonly id: string | undefined
  /** We are it. */
  readonly self: boolean
}

export type VotingEvent =
  /**
   * A root reigns that did not before. Another's: it is obeyed, or the record names it. Our own: it has authority now, and
   * `places` says where each ordered stream stands, to be announced before anything is ordered.
   */
  | {
      readonly type: "reign"
      readonly root: ReigningRoot
      readonly epoch: number
      readonly addresses: readonly string[]
      readonly self: boolean
      readonly places: ReadonlyMap<string, StreamPlace> | undefined
    }
  /** Our own reign is over, and so is its authority. */
  | { readonly type: "deposed"; readonly epoch: number; readonly reason: string }
  /** The root is gone or silent, and nobody reigns yet that we know of. */
  | { readonly type: "noRoot"; readonly reason: string }
  /** The root record, newer than before. */
  | { readonly type: "recordChanged"; readonly record: RootRecord }
  /** Entries of the ordered log are stored by a majority, in order; `through` is the last one's number. */
  | { readonly type: "committed"; readonly entries: readonly OrderedEntry[]; readonly through: number }
  /** Entries came into our copy of the log, not committed yet. */
  | { readonly type: "appended"; readonly entries: readonly OrderedEntry[] }
  /** R5: entries after that number are not part of the tree's log and were dropped from our copy. */
  | { readonly type: "rewound"; readonly after: number; readonly epoch: number }
  /** Our copy begins anew there: what came before is known as a table only. */
  | { readonly type: "restored"; readonly snapshot: LogSnapshot }
  /** R1: what we wait for before we found a tree or vote in one. Told when it changes, and logged. */
  | { readonly type: "waiting"; readonly reason: string }
  /** R1: fewer than three voters, so nobody is promoted when the root is lost. Logged as a warning. */
  | { readonly type: "fewVoters"; readonly count: number }
  /** A change of the set of voters, or of where one is found, is recorded and committed. */
  | { readonly type: "votersChanged"; readonly record: RootRecord }
  /** It was given up. */
  | { readonly type: "votersKept"; readonly reason: string }
  /** We are no voter any more. */
  | { readonly type: "removed" }
  /** Nothing can be stored any more: we vote no longer, and have no authority. */
  | { readonly type: "storageFailed"; readonly error: ZincError }
  /** Somebody said that it is a voter which answers elsewhere, and was refused: a copied folder. Logged as a warning. */
  | { readonly type: "doubleRefused"; readonly double: VoterEntry; readonly reason: string }
  /** We are such a one ourselves, as another says: we vote no longer. */
  | { readonly type: "isDouble"; readonly error: ZincError }
  /** Somebody of another generation of this tree was heard, and refused. */
  | { readonly type: "generationRefused"; readonly from: VoterId; readonly generation: GenerationId }

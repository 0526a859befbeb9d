/** What the replaying command and its client processes tell each other. */
import type { TransportName } from "../transport-choice.ts"

export type ToReplayClient =
  | {
      readonly type: "join"
      readonly address: string
      readonly transport: TransportName
      readonly name: string
      readonly document: string
    }
  /** Read the trace and make ready to write; `author` for concurrent traces. */
  | { readonly type: "prepare"; readonly path: string; readonly author: number }
  | { readonly type: "write" }
  /** From now on report the state of the replica whenever it changes. */
  | { readonly type: "compare" }
  | { readonly type: "close" }

export type FromReplayClient =
  | { readonly type: "joined" }
  | { readonly type: "prepared" }
  | { readonly type: "progress"; readonly edits: number }
  | { readonly type: "written"; readonly edits: number }
  | { readonly type: "state"; readonly state: ReplicaState }

/** Equal for equal replicas. */
export interface ReplicaState {
  readonly length: number
  /** SHA-256 of the text. */
  readonly hash: string
  /** The document's version in hexadecimal: also says what was deleted. */
  readonly version: string
}

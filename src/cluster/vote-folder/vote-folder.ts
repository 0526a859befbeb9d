/** A voter's data folder, open: its id, what it remembers, and where it writes. */
import type { ZincError } from "../../core/errors.ts"
import type { VoteMemory, VoteStorage } from "../election/index.ts"
import type { VoterId } from "../election/root-record.ts"

/** Opened by `FileVoteFolder` on disk, by `MemoryVoteFolder` for tests. Both pass `voteFolderSuite` of `zincmq/testing`. */
export interface VoteFolder extends VoteStorage {
  /** Drawn when the folder was made. */
  readonly voterId: VoterId
  /** What it held when it was opened. */
  readonly memory: VoteMemory
  /**
   * Tells, once, that nothing more can be stored (no room, a broken disk, a folder that was removed): `done` is not called any more, and whoever
   * cannot store must not vote.
   */
  onFailed(listener: (error: ZincError) => void): void
  /** Stores what was given, then lets others open it. Nothing may be written after. */
  close(): Promise<void>
}

/** Who is root, and the ordered log it is root of: R1 to R7 as state machines without I/O. */

export { commonPlaces, cutRuns, noteRun, type StreamPlace, type StreamRun } from "../../endpoint/stream-runs.ts"
export type { Counter } from "./counter.ts"
export { Act, mayAct, Standing } from "./duty.ts"
export type { ElectionEvent, ElectionListener } from "./election-event.ts"
export {
  allRules,
  defaultLogLimits,
  defaultTiming,
  type ElectionRules,
  type ElectionTiming,
  type LogLimits,
} from "./election-options.ts"
export { EmbeddedKeeper, type EmbeddedKeeperOptions } from "./embedded-keeper.ts"
export { EpochGate, Speech } from "./epoch-gate.ts"
export { comparePositions, EntryKind, type LogPosition, type OrderedEntry, type Proposal } from "./ordered-entry.ts"
export { emptySnapshot, type LogSnapshot, OrderedLog } from "./ordered-log.ts"
export type { ReadOutcome, RecordKeeper, SetOutcome } from "./record-keeper.ts"
export type { OrderOutcome } from "./reign.ts"
export {
  foundingRecord,
  type GenerationId,
  isMajority,
  isVoter,
  majorityOf,
  newGenerationId,
  newVoterId,
  type RootRecord,
  type VoterEntry,
  type VoterId,
  votersForPromotion,
} from "./root-record.ts"
export { type StreamState, StreamTable } from "./stream-table.ts"
export {
  type Ballot,
  compareBallots,
  freshMemory,
  remember,
  type VoteChange,
  VoteLedger,
  type VoteMemory,
  type VoteStorage,
} from "./vote-storage.ts"
export { Voter, type VoterOptions } from "./voter.ts"
export { type ReigningVoter, VoterAuthority } from "./voter-authority.ts"
export { DialOutcome, type VoterLinks } from "./voter-links.ts"
export type { VoterFrame, VoterMessage } from "./voter-message.ts"
export { VoterState } from "./voter-state.ts"
export { decodeVoterFrame, encodeVoterFrame } from "./wire.ts"

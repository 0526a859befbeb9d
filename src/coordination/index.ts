export {
  Contact,
  type Coordinator,
  type CoordinatorCallOptions,
  type CoordinatorEvent,
  type CoordinatorSupport,
  type HeldRecord,
  type RecordSight,
  type RecordVersion,
} from "./coordinator.ts"
export { type ChangeRecordOptions, changeRecord, sameRecord } from "./record-change.ts"
export {
  decodeRootRecord,
  encodeRootRecord,
  type GenerationId,
  type RootPlace,
  type RootRecord,
  recordBytesMax,
  type VoterEntry,
  type VoterId,
  votersMax,
} from "./root-record.ts"

export { type HistoryEntry, type Judgement, type JudgeOptions, judgeHistory } from "./chaos/index.ts"
export {
  describeFault,
  type Fault,
  FaultKind,
  Journal,
  Life,
  type MessageSwarmCounts,
  type MessageSwarmOptions,
  type MessageSwarmOutcome,
  simulateMessages,
  type Violation,
  World,
  type WorldOptions,
} from "./simulation/index.ts"
export { type CarrierSuiteOptions, type CarrierUnderTest, carrierSuite } from "./suites/carrier-suite.ts"
export { type CodecSuiteOptions, codecSuite } from "./suites/codec-suite.ts"
export type { CoordinatorFaults, CoordinatorSuiteOptions } from "./suites/coordinator/options.ts"
export { coordinatorSuite } from "./suites/coordinator-suite.ts"
export type { DiscoveryFaults, DiscoverySuiteOptions, FixedHosts } from "./suites/discovery/options.ts"
export { discoverySuite } from "./suites/discovery-suite.ts"
export { type DocumentTypeSuiteOptions, documentTypeSuite } from "./suites/document-type-suite.ts"
export type { TestRunner } from "./suites/runner.ts"
export { type StorageSuiteOptions, storageSuite } from "./suites/storage-suite.ts"
export type { TransportSuiteOptions, TransportUnderTest } from "./suites/transport/options.ts"
export { transportSuite } from "./suites/transport-suite.ts"
export {
  type VoteFolderPlace,
  type VoteFolderSuiteOptions,
  voteFolderSuite,
  voteFolderTree,
} from "./suites/vote-folder-suite.ts"

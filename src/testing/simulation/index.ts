export { type DocumentSwarmOutcome, simulateDocuments } from "./document-swarm.ts"
export {
  describeElectionFault,
  type ElectionCounts,
  type ElectionFault,
  ElectionFaultKind,
  type ElectionOptions,
  type ElectionOutcome,
  type Promotion,
  quantile,
  simulateElection,
} from "./election/index.ts"
export { describeFault, type Fault, FaultKind } from "./fault-script.ts"
export { Journal, type Violation } from "./journal.ts"
export { type SwarmCounts, type SwarmOptions, type SwarmOutcome, simulate } from "./swarm.ts"
export { Life, World, type WorldOptions } from "./world.ts"

export { describeElectionFault, type ElectionFault, ElectionFaultKind } from "./election-script.ts"
export {
  drawElection,
  type ElectionCounts,
  type ElectionOptions,
  type ElectionOutcome,
  simulateElection,
} from "./election-swarm.ts"
export { type Promotion, quantile } from "./promotion.ts"
export { type ShrunkElection, shrinkElection } from "./shrink-election.ts"

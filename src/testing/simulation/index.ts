export { type DocumentSwarmOptions, type DocumentSwarmOutcome, simulateDocuments } from "./document-swarm.ts"
export {
  describeElectionFault,
  drawElection,
  type ElectionCounts,
  type ElectionFault,
  ElectionFaultKind,
  type ElectionOptions,
  type ElectionOutcome,
  type Promotion,
  quantile,
  type ShrunkElection,
  shrinkElection,
  simulateElection,
} from "./election/index.ts"
export { describeFault, type Fault, FaultKind } from "./fault-script.ts"
export { type FailedSeed, Figures, type FiguresJson, type Spread } from "./figures.ts"
export { Journal, type Violation } from "./journal.ts"
export type { SimulatedTime, SimulationKind, SimulationKnob, SimulationOptions, SimulationRun } from "./kind.ts"
export { simulationKinds } from "./kinds.ts"
export {
  type MessageSwarmCounts,
  type MessageSwarmOptions,
  type MessageSwarmOutcome,
  simulateMessages,
} from "./message-swarm.ts"
export {
  describePromotionFault,
  type PromotionFault,
  PromotionFaultKind,
  simulatePromotion,
} from "./promotion/index.ts"
export { type PartitionOptions, type PartitionOutcome, simulatePartition } from "./promotion/partition.ts"
export { countOf, missingOf, type SeedRange, withRange } from "./seed-ranges.ts"
export { shrinkScript } from "./shrink.ts"
export { simulateSwarm } from "./swarm.ts"
export { Life, World, type WorldOptions } from "./world.ts"

export { MemoryCoordinator, type MemoryCoordinatorOptions, MemoryRecords } from "./memory-coordinator.ts"

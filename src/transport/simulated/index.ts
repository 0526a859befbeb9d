export { type FaultCounters, type Faults, type Latency, Leg, type LegFaults } from "./fault.ts"
export { SimulatedNetwork, type SimulatedNetworkOptions } from "./simulated-network.ts"

export { MemoryDiscovery, type MemoryDiscoveryOptions, MemoryHosts } from "./memory-discovery.ts"

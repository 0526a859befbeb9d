export { StaticDiscovery, type StaticDiscoveryOptions } from "./static-discovery.ts"

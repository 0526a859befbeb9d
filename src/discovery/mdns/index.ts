export { MdnsDiscovery, type MdnsDiscoveryOptions } from "./mdns-discovery.ts"

export { ZooKeeperDiscovery, type ZooKeeperDiscoveryOptions } from "./zookeeper-discovery.ts"

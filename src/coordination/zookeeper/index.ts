export { ZooKeeperCoordinator, type ZooKeeperCoordinatorOptions } from "./zookeeper-coordinator.ts"

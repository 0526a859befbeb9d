export { EtcdCoordinator, type EtcdCoordinatorOptions } from "./etcd-coordinator.ts"

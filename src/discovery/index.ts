export type {
  Announcement,
  Discovery,
  DiscoveryCallOptions,
  DiscoveryStatistics,
  DiscoverySupport,
} from "./discovery.ts"
export {
  type AnnouncedHost,
  decodeHostRecord,
  encodeHostRecord,
  type HostRecord,
  hostBytesMax,
  hostsMax,
} from "./host-record.ts"

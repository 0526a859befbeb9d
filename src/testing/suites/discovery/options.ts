import type { Discovery } from "../../../discovery/discovery.ts"
import type { HostRecord } from "../../../discovery/host-record.ts"
import type { TestRunner } from "../runner.ts"

export interface DiscoverySuiteOptions {
  readonly runner: TestRunner
  readonly name: string
  /** A discovery of that tree; all that are opened see each other's announcements. */
  open(tree: string): Promise<Discovery>
  /** For sources that somebody else keeps: what they say of any tree, and how to make them say something else. */
  readonly fixed?: FixedHosts
  /** As somebody with other means: puts octets where the record of the host `id` would be. */
  put?(tree: string, id: string, bytes: Uint8Array): Promise<void>
  /** How many announcements of one discovery to try. Default 1,000. */
  readonly many?: number
  readonly faults?: DiscoveryFaults
}

export interface FixedHosts {
  readonly hosts: readonly HostRecord[]
  change?(): Promise<readonly HostRecord[]>
}

/** What can be done to the source. What is absent is not tested. */
export interface DiscoveryFaults {
  /** It ends without warning and starts again with its data. */
  readonly restart?: { kill(): Promise<void>; start(): Promise<void> }
  /** It starts again without any data. */
  wipe?(): Promise<void>
  /** A discovery whose line to the others can be cut, and healed. */
  severed?(tree: string): Promise<{ discovery: Discovery; cut(): void; heal(): void }>
}

import type { Transport } from "../../../transport/transport.ts"
import type { TestRunner } from "../runner.ts"
import type { Settle } from "../watch.ts"

/** What one test works on. */
export interface TransportUnderTest {
  /** Binds. */
  readonly host: Transport
  /** Dials; another transport than the host's to see whether the two understand each other. */
  readonly client: Transport
  /** An address to bind, with a wildcard or never given before. */
  address(): string
  /** An address where nobody listens. */
  readonly unreachable: string
  /** Addresses that `bind` and `connect` refuse as `BadAddress`. */
  readonly bad: readonly string[]
  /** An address where somebody accepts the connection and says nothing, if that can be had. */
  mute?(): Promise<string>
  /** Lets virtual time pass. Absent: time is real. */
  readonly settle?: Settle
  /** Called after the test, when all sockets are closed. */
  close?(): Promise<void>
}

export interface TransportSuiteOptions {
  readonly runner: TestRunner
  readonly name: string
  /** Makes the subject of one test; nothing is shared between tests. */
  open(): TransportUnderTest | Promise<TransportUnderTest>
  /** What the host's transport can do; tests that need more are left out. */
  readonly hostSupports: Transport["supports"]
  /** What the client's transport can do. Default: as the host's. */
  readonly clientSupports?: Transport["supports"]
}

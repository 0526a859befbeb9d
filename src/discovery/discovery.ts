/**
 * What finds hosts of a tree. Everything found is a hint: it may lead to nobody, to another tree, or to an enemy, and only
 * the join decides. Adapters are leaves; `zincmq/testing` has the suite each must pass: `discoverySuite`.
 */
import type { AnnouncedHost, HostRecord } from "./host-record.ts"

export interface DiscoverySupport {
  /** Hosts can announce themselves; else somebody else keeps the list, and `announce` rejects with `Unsupported`. */
  readonly announce: boolean
  /**
   * How long an announcement outlives an announcer that dies without a word, in milliseconds, at most; undefined where
   * nothing is announced.
   */
  readonly lingerMs: number | undefined
}

export interface DiscoveryStatistics {
  /** Records that were skipped: broken, too large, of another tree, or beyond the cap. Each look at one counts. */
  readonly refused: number
}

export interface DiscoveryCallOptions {
  /** Ends the wait with `Aborted`. */
  readonly signal?: AbortSignal
}

/** Hosts of one tree. Every call rejects with `Closed` after `close`. */
export interface Discovery extends AsyncDisposable {
  readonly tree: string
  /** For people: what is asked, and where. */
  readonly place: string
  readonly supports: DiscoverySupport
  readonly statistics: DiscoveryStatistics

  /**
   * Resolves when others can find it; it is kept alive from then on, and made again when the store lost it, until it is
   * withdrawn or the discovery is closed. An id announced again replaces what was said before. Rejects with `BadOption`,
   * `Unsupported`, `Unreachable`, `Timeout`, `Unauthorized` or `Aborted`; then it is not kept.
   */
  announce(host: AnnouncedHost, options?: DiscoveryCallOptions): Promise<Announcement>

  /**
   * The hosts known now, our own included; empty for none. On a LAN it waits for the first answers. The order is that in
   * which to try where the source has one, else that of the ids. Rejects with `Unreachable`, `Timeout`, `Unauthorized` or
   * `Aborted`.
   */
  find(options?: DiscoveryCallOptions): Promise<readonly HostRecord[]>

  /**
   * Calls the listener with all hosts as soon as they are known, also when there are none, and whenever they are others.
   * It sees at least the last of any number of changes. While the source is out of reach nothing is told, and what was told
   * stays. Returns what stops it.
   */
  watch(listener: (hosts: readonly HostRecord[]) => void): () => void

  /** Withdraws what was announced, if that can be done within a second. Idempotent. */
  close(): Promise<void>
}

/** One host that is being announced. */
export interface Announcement {
  /** Says something else of the same host from now on. Told as soon as it can be; throws `BadOption`. */
  update(host: AnnouncedHost): void
  /** Takes it back. Idempotent; what cannot be reached forgets it by itself. */
  withdraw(): Promise<void>
}

/**
 * What holds the root record of one tree (R3). There is one election algorithm, run by the voters; a coordinator only keeps
 * its outcome where a majority, or a store of your own, can arbitrate. It grants no leases and elects nobody.
 * Adapters are leaves; `zincmq/testing` has the suite each must pass: `coordinatorSuite`.
 */
import type { ZincError } from "../core/errors.ts"
import type { RootRecord } from "./root-record.ts"

declare const recordVersionBrand: unique symbol
/**
 * Says which writing of the record was seen. Opaque: compare for equality, never for order; never a JavaScript number, for
 * stores count in 64 bits.
 */
export type RecordVersion = string & { readonly [recordVersionBrand]: true }

/** A record together with the writing of it that was seen. */
export interface HeldRecord {
  readonly record: RootRecord
  readonly version: RecordVersion
}

export interface CoordinatorSupport {
  /** What a resolved compare-and-set promised is there after every process of the store was killed and started again. */
  readonly durable: boolean
  /** Endpoints of other processes see it. */
  readonly shared: boolean
}

/** What is seen of the record. `bad`: somebody else's octets, or a broken record, lie under our key; the error names it. */
export type RecordSight =
  | { readonly type: "held"; readonly held: HeldRecord }
  | { readonly type: "none" }
  | { readonly type: "bad"; readonly error: ZincError }

/**
 * Our own judgement of the store, by our own monotonic clock: `connected` while the youngest request that was answered was
 * *sent* no longer than `silenceMs` ago. What a client library or a socket believes does not come into it: both stay
 * content while a paused server says nothing.
 */
export const Contact = { Connecting: "connecting", Connected: "connected", Silent: "silent", Closed: "closed" } as const
export type Contact = (typeof Contact)[keyof typeof Contact]

export type CoordinatorEvent =
  /** The judgement changed. Told within `silenceMs` and a quarter of it of the last sign of life, timers permitting. */
  { readonly type: "contact"; readonly contact: Contact; readonly reason: string }

export interface CoordinatorCallOptions {
  /** Ends the wait with `Aborted`. A compare-and-set that was sent may still happen. */
  readonly signal?: AbortSignal
}

/**
 * The record of one tree in one store.
 *
 * Rejections of every call: `Closed` after `close`; `Unauthorized` when the store refuses our credentials; `Unreachable`
 * when it was not reached in time, and then **nothing happened**; `Timeout`, `PeerLost` and `Aborted` when it was asked and
 * no answer came, and then a compare-and-set **may have happened or may happen yet**: `changeRecord` finds out.
 */
export interface Coordinator extends AsyncDisposable {
  readonly tree: string
  /** For people: which store, and where. */
  readonly place: string
  readonly supports: CoordinatorSupport
  /** See `Contact`. Computed when asked, so that it is right even when timers are late. */
  readonly contact: Contact

  /**
   * The record now: not older than any compare-and-set, anybody's, that had resolved before the call. Undefined where there
   * is none. Rejects with `BadRecord` when what is there is none of ours; it then has to be removed by a person.
   */
  read(options?: CoordinatorCallOptions): Promise<HeldRecord | undefined>

  /**
   * Writes `next` if the store still holds what `expected` was (undefined: holds none), and otherwise rejects with
   * `Conflict` and changes nothing. At most one of several with the same `expected` succeeds. A store that was wiped, or
   * whose record somebody removed and wrote again, never passes for the old one. `BadOption` for a record of another tree or
   * outside its limits.
   */
  compareAndSet(
    expected: HeldRecord | undefined,
    next: RootRecord,
    options?: CoordinatorCallOptions,
  ): Promise<HeldRecord>

  /**
   * Calls the listener with what is there as soon as it is known, and then whenever something else is seen. It sees **at
   * least the last** of any number of changes, in the store's order, never an older one after a newer; those between may
   * be missing. After a loss of contact the record is read again. While the store is silent nothing is told: ask `contact`.
   * Returns what stops it.
   */
  watch(listener: (sight: RecordSight) => void): () => void

  on(type: "contact", listener: (event: CoordinatorEvent) => void): () => void

  /** Ends what waits with `Closed`, and gives back what the store keeps for us. Within a second, also when it is silent. */
  close(): Promise<void>
}

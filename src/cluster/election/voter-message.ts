/** What voters say to each other. `docs/protocol/election.md` tells when each is sent; `wire.ts` writes them as octets. */
import type { LogPosition, OrderedEntry } from "./ordered-entry.ts"
import type { LogSnapshot } from "./ordered-log.ts"
import type { GenerationId, RootRecord, VoterId } from "./root-record.ts"
import type { Ballot } from "./vote-storage.ts"

/** The root speaks: its heartbeat, and what follows `previous` in its log. */
export interface Append {
  readonly type: "append"
  readonly epoch: number
  /** The root's clock when it sent this; comes back in the answer, and the lease counts from it. */
  readonly sentAt: number
  readonly previous: LogPosition
  readonly entries: readonly OrderedEntry[]
  readonly committed: number
  readonly record: RootRecord
}

/** The root sends its base instead of entries that it no longer keeps. */
export interface InstallSnapshot {
  readonly type: "installSnapshot"
  readonly epoch: number
  readonly sentAt: number
  readonly snapshot: LogSnapshot
  readonly record: RootRecord
}

/** Answers both. */
export interface Appended {
  readonly type: "appended"
  readonly epoch: number
  readonly sentAt: number
  /** False: the voter has signed `signed`, which is higher. True promises not to sign for lease and margin from now. */
  readonly accepted: boolean
  readonly signed: number
  /** Up to here the voter's log is the root's, and stored. Undefined: `previous` is not in its log. */
  readonly matched: number | undefined
  /** The last number in the voter's log, so that the root knows where to look for a common one. */
  readonly last: number
}

/** Would you sign that epoch for me? Binds nobody. */
export interface WouldSign {
  readonly type: "wouldSign"
  readonly epoch: number
  readonly revision: number
}

export interface WouldSignReply {
  readonly type: "wouldSignReply"
  readonly epoch: number
  readonly granted: boolean
  readonly signed: number
  /** Sent when newer than the asker's. */
  readonly record: RootRecord | undefined
}

/** Sign that epoch for me. Repeated while the candidacy goes on. */
export interface Sign {
  readonly type: "sign"
  readonly epoch: number
  readonly revision: number
  /** The root of that epoch has given its authority up for this candidate, so promises to it are void; 0 for none. */
  readonly released: number
}

export interface Signature {
  readonly type: "signature"
  readonly epoch: number
  readonly granted: boolean
  readonly signed: number
  /** How far the signer's log reaches. */
  readonly last: LogPosition
  readonly record: RootRecord | undefined
}

/** The candidate asks the most advanced signer for its log after `after`. */
export interface Fetch {
  readonly type: "fetch"
  readonly epoch: number
  readonly after: number
}

export interface Fetched {
  readonly type: "fetched"
  readonly epoch: number
  readonly after: number
  /** Set when the signer no longer keeps what follows `after`: begin from this. */
  readonly snapshot: LogSnapshot | undefined
  /** What `entries` follow. */
  readonly previous: LogPosition
  readonly entries: readonly OrderedEntry[]
  readonly last: LogPosition
}

/** The root will hand over to the receiver, under that epoch: what takes time may be done while it still orders. */
export interface MakeReady {
  readonly type: "makeReady"
  readonly epoch: number
}

/** That is done: the successor's own signature of the epoch is stored, and given to nobody. */
export interface Ready {
  readonly type: "ready"
  readonly epoch: number
}

/** The root gives its reign to a successor, and this is its signature for it. */
export interface HandOver {
  readonly type: "handOver"
  /** The reign that ends. */
  readonly released: number
  /** The epoch that the root has signed for the successor. */
  readonly epoch: number
  readonly last: LogPosition
  /** It will leave the tree and no longer vote. */
  readonly leaving: boolean
  /** Of the record as the root knows it, which has also promised its lease to the successor; 0 of one that has not. */
  readonly revision: number
}

/** The root has given up its authority of that epoch: promises to it are void. */
export interface Released {
  readonly type: "released"
  readonly epoch: number
}

// ---- the embedded record ----

export interface RecordPrepare {
  readonly type: "recordPrepare"
  readonly ballot: Ballot
}

export interface RecordPromise {
  readonly type: "recordPromise"
  readonly ballot: Ballot
  /** The highest ballot promised; another than `ballot` is a refusal. */
  readonly promised: Ballot
  readonly accepted: { readonly ballot: Ballot; readonly record: RootRecord } | undefined
}

export interface RecordAccept {
  readonly type: "recordAccept"
  readonly ballot: Ballot
  readonly record: RootRecord
}

export interface RecordAccepted {
  readonly type: "recordAccepted"
  readonly ballot: Ballot
  readonly promised: Ballot
}

export type RecordMessage = RecordPrepare | RecordPromise | RecordAccept | RecordAccepted

export type VoterMessage =
  | Append
  | InstallSnapshot
  | Appended
  | WouldSign
  | WouldSignReply
  | Sign
  | Signature
  | Fetch
  | Fetched
  | MakeReady
  | Ready
  | HandOver
  | Released
  | RecordMessage

/** A message with what every message says of its sender. */
export interface VoterFrame {
  readonly tree: string
  /** Undefined while the sender belongs to none yet. */
  readonly generation: GenerationId | undefined
  readonly from: VoterId
  /** For whom it is: another data folder may answer at an address by now. */
  readonly to: VoterId
  /** Which life of the sender speaks; frames of an earlier one are dropped. */
  readonly incarnation: number
  readonly message: VoterMessage
}

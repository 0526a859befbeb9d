/** Whom a general socket talks to. */
import type { PeerInfo } from "../../../zmtp/connection.ts"
import type { Link } from "../../../zmtp/link.ts"
import type { Outbox } from "../../../zmtp/outbox.ts"

/** A peer whose handshake is complete. */
export interface Peer {
  /** Never used again in this socket. */
  readonly number: number
  readonly remote: string
  readonly info: PeerInfo
  readonly connection: Link
  readonly outbox: Outbox
}

/** Somebody who has said who he is, and is not yet a peer. */
export interface Candidate {
  readonly info: PeerInfo
  readonly remote: string
  /** The queue that was there before it, where it was dialled. */
  readonly outbox: Outbox | undefined
  /** What we call it, where we dialled it under a name. */
  readonly identity: Uint8Array | undefined
}

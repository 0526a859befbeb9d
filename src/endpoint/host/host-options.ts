/** What a host is made with; defaults are filled in already. */
import type { EndpointId } from "../../core/id.ts"
import type { ControlBody, Undeliverable } from "../../message/control.ts"
import type { Transport } from "../../transport/transport.ts"
import type { SlowOptions } from "../api.ts"
import type { Authenticator } from "../authenticator.ts"
import type { Frame } from "../frame.ts"
import type { Node } from "../node.ts"
import type { RosterKeeper } from "../roster/roster-keeper.ts"
import type { Origin } from "../topic-state.ts"
import type { InterestAbove } from "./subtree-interest.ts"

export interface HostSideOptions {
  readonly node: Node
  readonly name: string
  readonly transport: Transport
  readonly authenticator: Authenticator | undefined
  readonly unguarded: boolean
  readonly maxClients: number
  /** Clients taken before others are sent on to relays with room. */
  readonly fanOut: number
  /** Links from the root to the lowest endpoint that this host lets its part of the tree have. */
  readonly maxDepth: number
  readonly heartbeatMs: number
  readonly heartbeatMisses: number
  readonly sessionKeepMs: number
  readonly maxPayloadBytes: number
  readonly replayMessages: number
  readonly replayBytes: number
  readonly slow: HostSlowOptions
  readonly roster: RosterKeeper
  /** A direct message for this endpoint itself. */
  readonly onDirect: (frame: Frame, origin: Origin, sequence: number) => void
  /** That endpoint, a client or one below a client, is gone for good. */
  readonly onGone: (id: EndpointId) => void
  /** That endpoint was a client, and has been one of another host below for a while. */
  readonly onMovedOn: (id: EndpointId) => void
  /** A direct message of our own went down and found nobody. */
  readonly onUndeliverable: (news: Undeliverable) => void
  /** At a relay: how it is joined to the tree above. */
  readonly above: Above | undefined
}

/** What the host side of a relay needs of the host above it. */
export interface Above extends InterestAbove {
  readonly linked: boolean
  /** The leg number of what was pushed last, and whether half of the room for more is free. */
  readonly lastPushed: number
  readonly isRoomy: boolean
  /** Calls back, once, when there is more room. */
  onRoom(callback: () => void): void
  /** Ids of all in the tree who bear the name. Rejects with `PeerLost`. */
  resolve(name: string): Promise<Uint8Array[]>
  /** To the root and back, as far as it is known. */
  readonly rootRoundTripMs: number | undefined
  /** The link above leads back here: it is let go of. */
  probeCame(token: Uint8Array): void
  /** Sends a control message; false when it could not. */
  tell(body: ControlBody): boolean
}

export type HostSlowOptions = Required<Pick<SlowOptions, "policy" | "maxLagMs">> & SlowOptions

/** What a host is made with; defaults are filled in already. */
import type { EndpointId } from "../../core/id.ts"
import type { Transport } from "../../transport/transport.ts"
import type { SlowOptions } from "../api.ts"
import type { Authenticator } from "../authenticator.ts"
import type { Frame } from "../frame.ts"
import type { Node } from "../node.ts"
import type { Origin } from "../topic-state.ts"

export interface HostSideOptions {
  readonly node: Node
  readonly name: string
  readonly transport: Transport
  readonly authenticator: Authenticator | undefined
  readonly unguarded: boolean
  readonly tree: string
  readonly maxClients: number
  readonly heartbeatMs: number
  readonly heartbeatMisses: number
  readonly sessionKeepMs: number
  readonly maxPayloadBytes: number
  readonly replayMessages: number
  readonly replayBytes: number
  readonly slow: HostSlowOptions
  /** A direct message for this endpoint itself. */
  readonly onDirect: (frame: Frame, origin: Origin, sequence: number) => void
  /** The session of that client is over for good. */
  readonly onGone: (id: EndpointId) => void
}

export type HostSlowOptions = Required<Pick<SlowOptions, "policy" | "maxLagMs">> & SlowOptions

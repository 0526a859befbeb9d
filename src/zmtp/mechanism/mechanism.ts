/** How a connection is secured: what is said between the greetings and the first message, and what then covers messages. */
import type { ZincError } from "../../core/errors.ts"
import type { Properties } from "../command.ts"

/** What we say of ourselves: names as they travel, and values. */
export type Metadata = readonly (readonly [name: string, value: Uint8Array])[]

/** What a mechanism makes of what it heard. `send` is written before anything else happens. */
export type HandshakeStep =
  /** Nothing yet. */
  | { readonly type: "wait"; readonly send?: readonly Uint8Array[] }
  /** The peer has said who it is, and may be who it says. */
  | {
      readonly type: "ready"
      readonly properties: Properties
      readonly send?: readonly Uint8Array[]
      /** What the authenticator calls it. */
      readonly userId?: string
    }
  /** Not known yet; the connection reads nothing until then. The promise never rejects. */
  | { readonly type: "pending"; readonly step: Promise<HandshakeStep> }
  | { readonly type: "failed"; readonly error: ZincError; readonly send?: readonly Uint8Array[] }

/** One side of one connection. */
export interface Mechanism {
  /** As it stands in the greeting. */
  readonly name: string
  /** What the greeting says of it. Nobody enforces it. */
  readonly asServer: boolean
  /** Whether a refusal may say why in the clear. */
  readonly tellsWhy: boolean
  /** Whether messages travel covered: whether `traffic` will give something. */
  readonly covers: boolean
  /** Frames that go out with our greeting. `metadata` is there where we know by now what we are to the peer. */
  begin(metadata: Metadata | undefined): readonly Uint8Array[]
  /** The peer's greeting is here and names the same mechanism. */
  greeted(): HandshakeStep
  /** Takes a command that came during the handshake: [start, end) of the buffer, valid during the call. */
  receive(buffer: Uint8Array, start: number, end: number): HandshakeStep
  /** Frames still to be sent for the peer to be ready, now that we take it; none where `begin` or a step said all. */
  ready(metadata: Metadata): readonly Uint8Array[]
  /** What covers messages from here on; undefined when they travel bare. Asked for once, after `ready`. */
  traffic(): TrafficCipher | undefined
}

/** Covers and uncovers frames, in the order in which they travel. */
export interface TrafficCipher {
  /** Whole frames, bare → the octets to send. The chunks may be overwritten afterwards. Throws a ZincError when it cannot go on. */
  seal(chunks: readonly Uint8Array[]): Uint8Array[]
  /** All that was sealed is with the system: its memory may serve again. Without it, it is the collector's. */
  taken?(): void
  /** A frame's body that came → the length of the bare frame, written whole to `into` at `at`; or what is wrong with it. */
  open(buffer: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number | ZincError
  /** Most octets by which a bare frame is longer than the covered body it comes in. */
  readonly growth: number
  /** Most octets by which a covered body is longer than the bare one. */
  readonly overhead: number
}

/** Makes the mechanism of each new connection. Sockets are given one for the connections they accept or dial. */
export interface Security {
  /** "NULL", "PLAIN", "CURVE". */
  readonly mechanism: string
  /** `remote` is the far end as the carrier names it, for the authenticator. */
  open(remote: string): Mechanism
}

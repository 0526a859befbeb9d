/** What the side of an endpoint that has a host is made with; defaults are filled in already. */
import type { ZincError } from "../../core/errors.ts"
import type { ProbeReply, Undeliverable } from "../../message/control.ts"
import type { Transport } from "../../transport/transport.ts"
import type { Frame } from "../frame.ts"
import type { Node } from "../node.ts"
import type { RoomNumbers } from "../room.ts"
import type { RosterKeeper } from "../roster/roster-keeper.ts"
import type { TopicState } from "../topic-state.ts"
import type { NoticeReaderOptions } from "./notice-reader.ts"

export interface ClientSideOptions {
  readonly node: Node
  readonly name: string
  readonly transport: Transport
  readonly addresses: readonly string[]
  readonly token: Uint8Array
  /** Proves our id. */
  readonly idSecret: Uint8Array
  readonly tree: string
  /** Undefined: do not come back. */
  readonly reconnect: { readonly minMs: number; readonly maxMs: number } | undefined
  readonly joinTimeoutMs: number
  readonly windowMessages: number
  readonly windowBytes: number
  readonly maxPayloadBytes: number
  readonly roster: RosterKeeper
  /** The side is over for good. */
  readonly onClosed: (error: ZincError | undefined) => void
  readonly onLink: (change: "up" | "down" | "regenerated") => void
  readonly onUndeliverable: NoticeReaderOptions["onUndeliverable"]
  readonly onDenied: NoticeReaderOptions["onDenied"]
  readonly onNewSession: NoticeReaderOptions["onNewSession"]
  /** What a relay does besides; undefined at a client that hosts nobody. */
  readonly relay: RelayOptions | undefined
}

export interface RelayOptions {
  /** Where its own clients may dial it. */
  readonly addresses: () => readonly string[]
  /** Links from it to the lowest endpoint below. */
  readonly height: () => number
  /** What there is room for below. */
  readonly room: () => RoomNumbers
  /** The host is about to cut it off: its clients have that long to join other hosts. */
  readonly sendAway: (withinMs: number) => void
  /** The answer to a probe of somebody below. */
  readonly onProbeReply: (reply: ProbeReply) => void
  /** The root has all that was pushed up to that leg number. */
  readonly onRooted: (number: number) => void
  /** A direct message for somebody below. */
  readonly onward: (frame: Frame) => void
  /** A message of somebody below found nobody. False when it is not of somebody below. */
  readonly undeliverable: (
    news: Pick<Undeliverable, "target" | "sequence" | "correlation" | "code" | "origin">,
  ) => boolean
  /** The host above takes nothing on that topic from this relay and those below it. */
  readonly denied: (topic: TopicState, code: string, reason: string) => void
  /** The tree above began anew, and nothing of it has come yet. */
  readonly onRegenerated: () => void
}

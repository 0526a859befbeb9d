/** How a connection is secured: what is said between the greetings and the first message. */
import type { ZincError } from "../../core/errors.ts"
import type { Command, Properties } from "../command.ts"

/** What a mechanism makes of a command. */
export type HandshakeStep =
  /** Nothing yet. */
  | { readonly type: "wait" }
  /** The peer has said who it is. */
  | { readonly type: "ready"; readonly properties: Properties }
  | { readonly type: "failed"; readonly error: ZincError }

export interface Mechanism {
  /** As it stands in the greeting. */
  readonly name: string
  /** Takes a command that came during the handshake. */
  receive(command: Command): HandshakeStep
  /** Our last word, which carries our metadata, as a frame. */
  ready(properties: Iterable<readonly [string, Uint8Array]>): Uint8Array
}

/** The control links between voters, as their state machine sees them. */
import type { VoterEntry } from "./root-record.ts"
import type { VoterFrame } from "./voter-message.ts"

export const DialOutcome = {
  /** The other end took the connection. */
  Open: "open",
  /** Actively refused: nothing listens there. */
  Refused: "refused",
  /** No answer in time, or unreachable. */
  Failed: "failed",
} as const
export type DialOutcome = (typeof DialOutcome)[keyof typeof DialOutcome]

/**
 * Voters keep links to each other outside the tree and `maxClients`; how they are dialled and kept is the shell's affair.
 * The shell tells the voter what comes (`receive`), that a link has closed (`linkClosed`) and how a redial ended (`redialed`).
 */
export interface VoterLinks {
  /** Hands a frame to the link. It may be lost, late, twice, or overtaken: nothing here relies on more. */
  send(to: VoterEntry, frame: VoterFrame): void
  /** Dials the peer anew, although a link may seem to be there, and tells how it went within a second. */
  redial(to: VoterEntry): void
}

/** The socket types of ZMTP 3 and which of them may talk to which. */

/** Spelled as they travel in READY. */
export const SocketType = {
  Pub: "PUB",
  Sub: "SUB",
  XPub: "XPUB",
  XSub: "XSUB",
  Push: "PUSH",
  Pull: "PULL",
  Dealer: "DEALER",
  Router: "ROUTER",
  Req: "REQ",
  Rep: "REP",
  Pair: "PAIR",
  /** Speaks no ZMTP, and so never stands in a READY. */
  Stream: "STREAM",
} as const
export type SocketType = (typeof SocketType)[keyof typeof SocketType]

const partners: Readonly<Record<SocketType, readonly SocketType[]>> = {
  PUB: ["SUB", "XSUB"],
  XPUB: ["SUB", "XSUB"],
  SUB: ["PUB", "XPUB"],
  XSUB: ["PUB", "XPUB"],
  PUSH: ["PULL"],
  PULL: ["PUSH"],
  DEALER: ["REP", "DEALER", "ROUTER"],
  ROUTER: ["REQ", "DEALER", "ROUTER"],
  REQ: ["REP", "ROUTER"],
  REP: ["REQ", "DEALER"],
  PAIR: ["PAIR"],
  STREAM: [],
}

/** Whether a socket of type `ours` may talk to a peer that calls itself `theirs` (libzmq's table, mechanism.cpp). */
export function mayTalk(ours: SocketType, theirs: string): boolean {
  return (partners[ours] as readonly string[]).includes(theirs)
}

/** Whether READY of this type carries an Identity, empty or not (as libzmq does). */
export function carriesIdentity(type: SocketType): boolean {
  return type === "REQ" || type === "DEALER" || type === "ROUTER"
}

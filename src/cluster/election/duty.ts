/** R6: what the top of a tree may do, with the tree's authority and without. */

export const Standing = {
  /** The root, and its lease holds. */
  Root: "root",
  /** The top of a part that is cut off, or a root whose lease is over: it looks after its subtree. */
  Caretaker: "caretaker",
} as const
export type Standing = (typeof Standing)[keyof typeof Standing]

export const Act = {
  AcceptJoin: "acceptJoin",
  PassOn: "passOn",
  AcknowledgeReceived: "acknowledgeReceived",
  AcknowledgeRooted: "acknowledgeRooted",
  AcknowledgeReplicated: "acknowledgeReplicated",
  Order: "order",
  Command: "command",
  RaiseEpoch: "raiseEpoch",
  ChangeVoters: "changeVoters",
} as const
export type Act = (typeof Act)[keyof typeof Act]

/** A caretaker never raises the epoch and orders nothing; commutative documents and `nearest` messages go on. */
const caretakerMay: ReadonlySet<Act> = new Set<Act>([Act.AcceptJoin, Act.PassOn, Act.AcknowledgeReceived])

export function mayAct(standing: Standing, act: Act): boolean {
  return standing === Standing.Root || caretakerMay.has(act)
}

/** Control messages in and out of their bytes; their meaning is with the endpoint. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf"
import { ZincError } from "../core/errors.ts"
import {
  type Baseline,
  BaselineSchema,
  type Control,
  ControlSchema,
  type Mark,
  MarkSchema,
  type RosterEntrySchema,
  type RosterSchema,
} from "./generated/control_pb.ts"

export type {
  Accept,
  Ack,
  Baseline,
  Control,
  Denied,
  HeartbeatReply,
  Join,
  Mark,
  Members,
  PathChange,
  Probe,
  ProbeReply,
  Redirect,
  Refuse,
  Reign as ReignMessage,
  Repair,
  RepairRequest,
  Room,
  Roster as RosterMessage,
  RosterEntry as RosterEntryMessage,
  Slow,
  Sync,
  Undeliverable,
  VoterHello,
  VoterJoin,
  VoterJoinReply,
  VoterPlace,
  VoterWelcome,
} from "./generated/control_pb.ts"

/** What a roster message and its entries are made of. */
export type RosterShape = MessageInitShape<typeof RosterSchema>
export type RosterEntryShape = MessageInitShape<typeof RosterEntrySchema>

/** The body of a control message, as `{ case: "join", value: { … } }`. */
export type ControlBody = NonNullable<MessageInitShape<typeof ControlSchema>["body"]>

export function encodeControl(body: ControlBody, after = 0): Uint8Array {
  return toBinary(ControlSchema, create(ControlSchema, { after: BigInt(after), body }))
}

/** Throws `BadFrame`, also for numbers past 2⁵³ − 1, as do the others. */
export function decodeControl(bytes: Uint8Array): Control {
  return decode(() => fromBinary(ControlSchema, bytes))
}

export function encodeBaseline(baseline: MessageInitShape<typeof BaselineSchema>): Uint8Array {
  return toBinary(BaselineSchema, create(BaselineSchema, baseline))
}

/** Throws `BadFrame`. */
export function decodeBaseline(bytes: Uint8Array): Baseline {
  return decode(() => fromBinary(BaselineSchema, bytes))
}

export function encodeMark(mark: MessageInitShape<typeof MarkSchema>): Uint8Array {
  return toBinary(MarkSchema, create(MarkSchema, mark))
}

/** Throws `BadFrame`. */
export function decodeMark(bytes: Uint8Array): Mark {
  return decode(() => fromBinary(MarkSchema, bytes))
}

function decode<T>(read: () => T): T {
  let message: T
  try {
    message = read()
  } catch (cause) {
    throw new ZincError("BadFrame", "a peer sent a control message that is not one", { cause })
  }
  if (hasHugeNumber(message))
    throw new ZincError("BadFrame", "a peer sent a control message with a number past 2⁵³ − 1")
  return message
}

/** What we cannot count with, nor send on, we do not let in. */
function hasHugeNumber(value: unknown): boolean {
  if (typeof value === "bigint") return value > Number.MAX_SAFE_INTEGER
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false
  if (Array.isArray(value)) return value.some(hasHugeNumber)
  for (const key in value) if (hasHugeNumber((value as Record<string, unknown>)[key])) return true
  return false
}

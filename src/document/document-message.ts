/**
 * What travels for documents, in and out of octets. See docs/protocol/document.md.
 *
 *   a fragment frame:  [1][fragment, as the type writes it]
 *   a notice frame:    [2][DocumentNotice, in Protocol Buffers]
 */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf"
import { type ErrorCode, ZincError } from "../core/errors.ts"
import { type DocumentNotice, DocumentNoticeSchema } from "../message/generated/document_pb.ts"

export {
  type DocumentHeldReply,
  DocumentHeldReplySchema,
  DocumentHeldRequestSchema,
  DocumentLeaveSchema,
  type DocumentNotice,
  DocumentPullSchema,
  DocumentPushReplySchema,
  DocumentPushSchema,
  type DocumentSyncReply,
  DocumentSyncReplySchema,
  DocumentSyncRequestSchema,
  type DocumentTransfer,
  PresenceFrameSchema,
  PresenceReplySchema,
  PresenceRequestSchema,
} from "../message/generated/document_pb.ts"

/** Where questions about documents are asked. Topics that begin with "~" are Zinc's own. */
export const DocumentTopic = {
  Sync: "~document/sync",
  Pull: "~document/pull",
  Push: "~document/push",
  Leave: "~document/leave",
  Held: "~document/held",
  Presence: "~document/presence",
} as const

/** Largest fragment sent as one frame; larger ones are pushed and pulled in pieces. */
export const fragmentBytesMax: number = 1024 * 1024
/** Octets of one piece of a transfer. */
export const pieceBytes: number = 256 * 1024

export const FrameKind = { Fragment: 1, Notice: 2 } as const

export function fragmentFrame(fragment: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + fragment.length)
  frame[0] = FrameKind.Fragment
  frame.set(fragment, 1)
  return frame
}

export function noticeFrame(notice: MessageInitShape<typeof DocumentNoticeSchema>): Uint8Array {
  const body = encodeMessage(DocumentNoticeSchema, notice)
  const frame = new Uint8Array(1 + body.length)
  frame[0] = FrameKind.Notice
  frame.set(body, 1)
  return frame
}

/** Throws `BadFrame`. */
export function readNotice(frame: Uint8Array): DocumentNotice {
  return decodeMessage(DocumentNoticeSchema, frame.subarray(1))
}

export function encodeMessage<Schema extends DescMessage>(schema: Schema, value: MessageInitShape<Schema>): Uint8Array {
  return toBinary(schema, create(schema, value))
}

/** Throws `BadFrame`. */
export function decodeMessage<Schema extends DescMessage>(schema: Schema, bytes: Uint8Array): MessageShape<Schema> {
  try {
    return fromBinary(schema, bytes)
  } catch (cause) {
    throw new ZincError("BadFrame", `a peer sent a ${schema.name} that is not one`, { cause })
  }
}

/** A refusal as it travels. */
export interface Refusal {
  readonly code: ErrorCode
  readonly reason: string
  readonly retryAfterMs?: number
}

/**
 * The one error class of Zinc. Codes are stable API and each has a heading in `docs/reference/errors.md`;
 * messages are for people and may change.
 */

/** Every code Zinc throws or reports. Add here first; the tidy test holds the reference page to this list. */
export const ErrorCode = {
  /** An address that cannot be read, or whose scheme no carrier or transport serves. */
  BadAddress: "BadAddress",
  /** An option outside its documented limits. */
  BadOption: "BadOption",
  /** A topic that is empty, too long, or holds a reserved character. */
  BadTopic: "BadTopic",
  /** Bytes from a peer that break the protocol. */
  BadFrame: "BadFrame",
  /** A payload its codec cannot read or write. */
  BadPayload: "BadPayload",
  /** A file that cannot be used: missing, binary, too large, or not in the expected format. */
  BadFile: "BadFile",
  /** The greeting or handshake with a peer failed. */
  HandshakeFailed: "HandshakeFailed",
  /** The peer speaks no version that we speak. */
  VersionMismatch: "VersionMismatch",
  /** The host's authenticator said no. */
  Unauthorized: "Unauthorized",
  /** The host refused the join, with a reason. */
  Refused: "Refused",
  /** Nobody answered at the address. */
  Unreachable: "Unreachable",
  /** An address that is already in use on this machine. */
  AddressInUse: "AddressInUse",
  /** The thing was used after it was closed. */
  Closed: "Closed",
  /** A thing was used out of turn: a reply before its request, a second request before the first one's reply. */
  WrongState: "WrongState",
  /** The caller's signal aborted the wait. */
  Aborted: "Aborted",
  /** The top of this part of the tree may not order messages: it does not reach a majority of the voters. */
  NoAuthority: "NoAuthority",
  /** A deadline passed. */
  Timeout: "Timeout",
  /** A queue or buffer with the "reject" policy is full. */
  Full: "Full",
  /** No endpoint of that id or name. */
  NoSuchEndpoint: "NoSuchEndpoint",
  /** A voter of that id votes elsewhere: its folder was copied. */
  Duplicate: "Duplicate",
  /** A name with several holders. */
  Ambiguous: "Ambiguous",
  /** The target has no handler for the topic of a request. */
  NoHandler: "NoHandler",
  /** A handler threw; its message travels with the reply. */
  HandlerFailed: "HandlerFailed",
  /** The request was cancelled by its sender. */
  Cancelled: "Cancelled",
  /** This transport, storage or build cannot do what was asked. */
  Unsupported: "Unsupported",
  /** A document that is already of another type. */
  TypeMismatch: "TypeMismatch",
  /** An optional package is not installed. */
  MissingPackage: "MissingPackage",
  /** A subscriber was cut off because it fell behind. */
  TooSlow: "TooSlow",
  /** A message larger than the limit. */
  TooLarge: "TooLarge",
  /** The peer was lost: connection closed or liveness ended. */
  PeerLost: "PeerLost",
  /** A frame lost for good: it was not in any replay ring. */
  Lost: "Lost",
  /** What was to be changed is not what it was when it was read. */
  Conflict: "Conflict",
  /** What a shared store holds under our name is none of ours, or is broken. */
  BadRecord: "BadRecord",
  /** A configuration that would be unsafe, refused unless the operator insists. */
  Unguarded: "Unguarded",
  /** A defect in Zinc itself. */
  Internal: "Internal",
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

const brand = Symbol.for("zincmq.error")

export interface ZincErrorOptions {
  readonly cause?: unknown
  /** Whether the same call may succeed later without a change. Default false. */
  readonly retryable?: boolean
  /** How long to wait before trying again, in milliseconds, where the peer said so. */
  readonly retryAfterMs?: number
}

/** What went wrong, to whom, and what to do next; `code` is for programs, `message` for people. */
export class ZincError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, options: ZincErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = "ZincError"
    this.code = code
    this.retryable = options.retryable ?? false
    this.retryAfterMs = options.retryAfterMs
  }

  /** True for a ZincError of any copy of this package in the process. */
  static is(value: unknown): value is ZincError {
    return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[brand] === true
  }
}

// On the prototype, so that two copies of this package in one process recognise each other's errors.
Object.defineProperty(ZincError.prototype, brand, { value: true })

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** What was thrown, if it is a ZincError; else an `Internal` with it as its cause. */
export function asZincError(thrown: unknown): ZincError {
  return ZincError.is(thrown) ? thrown : new ZincError("Internal", messageOf(thrown), { cause: thrown })
}

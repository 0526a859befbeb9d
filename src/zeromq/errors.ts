/** Errors in the form that programs written for zeromq.js look at: a message of the system's, `code`, `errno` and `address`. */
import { existsSync } from "node:fs"
import { constants } from "node:os"
import { dirname } from "node:path"
import { messageOf, ZincError } from "../core/errors.ts"

/** What libzmq adds to the system's numbers, above this. */
const hausnumero = 156_384_712

export type ErrnoCode =
  | "EINVAL"
  | "EPROTONOSUPPORT"
  | "ENOENT"
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "EACCES"
  | "EAGAIN"
  | "EBADF"
  | "EBUSY"
  | "ECONNREFUSED"
  | "EHOSTUNREACH"
  | "EMFILE"
  | "ENODEV"
  | "ENOTDIR"
  | "ENOTSUP"
  | "EPIPE"
  | "ETIMEDOUT"
  | "EFSM"

const known: Readonly<Record<ErrnoCode, readonly [errno: number, message: string]>> = {
  EINVAL: [constants.errno.EINVAL, "Invalid argument"],
  EPROTONOSUPPORT: [constants.errno.EPROTONOSUPPORT, "Protocol not supported"],
  ENOENT: [constants.errno.ENOENT, "No such endpoint"],
  EADDRINUSE: [constants.errno.EADDRINUSE, "Address already in use"],
  EADDRNOTAVAIL: [constants.errno.EADDRNOTAVAIL, "Cannot assign requested address"],
  EACCES: [constants.errno.EACCES, "Permission denied"],
  EAGAIN: [constants.errno.EAGAIN, "Operation was not possible or timed out"],
  EBADF: [constants.errno.EBADF, "Socket is closed"],
  EBUSY: [constants.errno.EBUSY, "Socket is busy"],
  ECONNREFUSED: [constants.errno.ECONNREFUSED, "Connection refused"],
  EHOSTUNREACH: [constants.errno.EHOSTUNREACH, "Host unreachable"],
  EMFILE: [constants.errno.EMFILE, "Too many open file descriptors"],
  ENODEV: [constants.errno.ENODEV, "No such device"],
  ENOTDIR: [constants.errno.ENOTDIR, "Not a directory"],
  ENOTSUP: [constants.errno.ENOTSUP, "Operation not supported"],
  EPIPE: [constants.errno.EPIPE, "Broken pipe"],
  ETIMEDOUT: [constants.errno.ETIMEDOUT, "Connection timed out"],
  EFSM: [hausnumero + 51, "Operation cannot be accomplished in current state"],
}

export interface ErrnoError extends Error {
  code: string
  errno: number
  address?: string
}

export interface AuthError extends Error {
  status: 300 | 400 | 500
}

export interface ProtoError extends Error {
  code: string
}

/** What zeromq.js would throw; `cause` keeps what lay underneath. */
export function errnoError(
  code: ErrnoCode,
  more: { readonly message?: string; readonly address?: string; readonly cause?: unknown } = {},
): ErrnoError {
  const [errno, text] = known[code]
  const error = new Error(more.message ?? text, more.cause === undefined ? undefined : { cause: more.cause })
  return Object.assign(error, { code, errno, ...(more.address !== undefined && { address: more.address }) })
}

/** An error of ours in that form. */
export function translated(thrown: unknown, address?: string): ErrnoError {
  return errnoError(codeOf(thrown), { cause: thrown, ...(address !== undefined && { address }) })
}

function codeOf(thrown: unknown): ErrnoCode {
  if (!ZincError.is(thrown)) throw new Error(`an error of no known kind: ${messageOf(thrown)}`, { cause: thrown })
  switch (thrown.code) {
    case "AddressInUse":
      return "EADDRINUSE"
    case "Closed":
      return "EBADF"
    case "Timeout":
      return "ETIMEDOUT"
    case "Unreachable":
      if (isOf(thrown.cause, "ENOTFOUND")) return "ENODEV"
      return isOf(thrown.cause, "ECONNREFUSED") ? "ECONNREFUSED" : "EADDRNOTAVAIL"
    case "PeerLost":
    case "HandshakeFailed":
      return "EPIPE"
    case "Unsupported":
    case "MissingPackage":
      return "ENOTSUP"
    case "WrongState":
      return "EFSM"
    default:
      if (isOf(thrown.cause, "ENOTDIR")) return "ENOTDIR"
      if (isOf(thrown.cause, "EACCES")) return lacksFolder(thrown.cause) ? "ENOENT" : "EACCES"
      return "EINVAL"
  }
}

function isOf(cause: unknown, code: string): boolean {
  return (cause as NodeJS.ErrnoException | undefined)?.code === code
}

/** libuv says EACCES of a missing folder, too. */
function lacksFolder(cause: unknown): boolean {
  const { address } = cause as { readonly address?: unknown }
  return typeof address === "string" && address.includes("/") && !existsSync(dirname(address))
}

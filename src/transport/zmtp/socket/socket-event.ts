/** What a general socket tells those who watch it. */
import type { ZincError } from "../../../core/errors.ts"

/**
 * What happens to peers, for monitoring. `address` is ours: where we listen, or whom we dial. `peer` is `batch.connection`
 * of its messages; `remote` is for people. From "connected" on a peer is one to send to; "accepted" and "reached" are the
 * connections under it, before any handshake.
 */
export type SocketEvent =
  | { readonly type: "listening"; readonly address: string }
  | { readonly type: "listenFailed"; readonly address: string; readonly error: ZincError }
  /** It listens there no more. */
  | { readonly type: "unbound"; readonly address: string }
  | { readonly type: "dialling"; readonly address: string }
  | { readonly type: "reached"; readonly address: string; readonly remote: string }
  | { readonly type: "accepted"; readonly address: string; readonly remote: string }
  | {
      readonly type: "connected"
      readonly address: string
      readonly peer: number
      readonly remote: string
      readonly socketType: string | undefined
      readonly identity: Uint8Array
    }
  | {
      readonly type: "disconnected"
      readonly address: string
      readonly peer: number
      readonly remote: string
      readonly error?: ZincError
    }
  /** A connection was made but not the handshake. `retry` says whether it will be dialled again. */
  | {
      readonly type: "handshakeFailed"
      readonly address: string
      readonly remote: string
      readonly error: ZincError
      readonly retry: boolean
    }
  /** Nobody answered. Without `retryInMs` it will not be dialled again. */
  | { readonly type: "dialFailed"; readonly address: string; readonly error: ZincError; readonly retryInMs?: number }
  /** It will be dialled again, after whatever ended. */
  | { readonly type: "redialling"; readonly address: string; readonly inMs: number }
  /** The socket is closed; nothing follows. */
  | { readonly type: "closed" }
  /** A second peer came with an identity that is taken; it was refused. (libzmq lets it starve silently.) */
  | { readonly type: "duplicateIdentity"; readonly remote: string; readonly identity: Uint8Array }

const types: Readonly<Record<SocketEvent["type"], true>> = {
  listening: true,
  listenFailed: true,
  unbound: true,
  dialling: true,
  reached: true,
  accepted: true,
  connected: true,
  disconnected: true,
  handshakeFailed: true,
  dialFailed: true,
  redialling: true,
  closed: true,
  duplicateIdentity: true,
}

/** All there are. */
export const socketEventTypes: readonly SocketEvent["type"][] = Object.keys(types) as SocketEvent["type"][]

/** What every general socket may be told. Each pattern adds its own. */
import type { FrameBatch, FrameView } from "../../../core/frame-batch.ts"
import type { HeartbeatOptions } from "../../../zmtp/heartbeat.ts"
import type { Security } from "../../../zmtp/mechanism/mechanism.ts"
import type { StreamTuning } from "../../carrier.ts"
import type { QueueLimits } from "../../transport.ts"
import type { Parts } from "../system.ts"
import type { ReconnectOptions } from "./back-off.ts"

export interface PatternSocketOptions extends Parts {
  /** Gets received messages, many at a time; the batch is valid during the call. Without it, read with `receive`. */
  readonly onBatch?: (batch: FrameBatch) => void
  /** Most that waits for one peer; default 1,000 messages and 64 MiB, 0 for no limit. */
  readonly sendLimits?: QueueLimits
  /**
   * Messages of one peer that wait to be read by `receive` before that peer is paused; default 1,000, 0 for no limit.
   * With `onBatch` nothing waits here. For XPub, whose messages tell of subscriptions, at least 65,536.
   */
  readonly receiveHighWaterMark?: number
  /**
   * Octets of all peers together that wait to be read by `receive` before whoever sends more is paused; default 256 MiB, 0
   * for no limit. Each frame counts 128 beside its own. Whoever brings as much again nevertheless is closed with `Full`.
   */
  readonly receiveBytesMax?: number
  /** How frames read with `receive` are shown, for those who want more than a Uint8Array, such as Buffers. */
  readonly frameView?: FrameView
  /** Largest whole message accepted; a larger one costs the peer its connection. Default 64 MiB. */
  readonly maxMessageBytes?: number
  /**
   * Most octets that all connections may hold together: of messages that have not come whole, of what waits to be sent, and
   * of subscriptions.
   * Beyond it the connection that holds most is closed with `Full`. 0 for no limit. Default: 1 GiB of what peers make us
   * hold, which are messages that have not come whole and subscriptions; what waits to be sent counts only where this is given.
   */
  readonly maxBufferedBytes?: number
  /** How long one attempt to reach an address may take; default 0, as long as the system tries. */
  readonly connectTimeoutMs?: number
  /** Default 30,000 (libzmq's ZMQ_HANDSHAKE_IVL); 0 for none. */
  readonly handshakeTimeoutMs?: number
  /**
   * Most accepted connections whose handshake is not complete; the oldest goes when there is one more, with a
   * `handshakeFailed` event. Default 1,024.
   */
  readonly maxPendingHandshakes?: number
  /** ZMTP PING after this much silence, and how long to wait for any sign of life. Default: none. */
  readonly heartbeat?: HeartbeatOptions
  /** How a dialled address is dialled again; false for never. */
  readonly reconnect?: ReconnectOptions | false
  /** Queue only for peers whose handshake is complete, and drop a dialled peer's queue with its connection. Default false. */
  readonly immediate?: boolean
  /** Our name to routers; sent by DEALER and ROUTER. At most 255 octets. Default: none. */
  readonly identity?: Uint8Array
  /**
   * The mechanism of all connections, accepted and dialled: `plainServer(…)`, `plainClient(…)`, `curveServer(…)`,
   * `curveClient(…)`. Both ends must say the same mechanism. Default: NULL, no security.
   */
  readonly security?: Security
  /** What `close` waits for by default; default 1,000. (libzmq's default waits for ever.) `Infinity` waits for ever. */
  readonly lingerMs?: number
  /** What is asked of the system for the streams. */
  readonly tuning?: StreamTuning
}

export interface ConnectOptions {
  /**
   * What ROUTER and STREAM call the peer there (libzmq's ZMQ_CONNECT_ROUTING_ID), whatever it calls itself. It can be
   * sent to at once, before it is there. Throws `BadOption` for other sockets, and for a name that is taken.
   */
  readonly identity?: Uint8Array
}

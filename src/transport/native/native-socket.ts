/** What all native sockets share: options for libzmq, and staying alive while open. */
import type { Socket as ZeromqSocket } from "zeromq"
import type { Clock } from "../../core/clock.ts"
import type { SocketOptions } from "../transport.ts"
import type { Zeromq } from "./load-zeromq.ts"
import { behindQueue } from "./send-queue.ts"

export const defaultLingerMs = 1_000
export const defaultHandshakeTimeoutMs = 30_000
export const defaultMaxMessageBytes: number = 64 << 20

/** libzmq applies its limit to commands of the handshake as well, so it must leave room for those. */
const leastMaxMessageSize = 1_024

/** What a transport hands to its sockets. */
export interface NativeContext {
  readonly zeromq: Zeromq
  readonly clock: Clock
}

/** A zeromq socket that nobody refers to is collected and loses its connections. */
const open = new Set<object>()

export function keep(socket: object): void {
  open.add(socket)
}
export function release(socket: object): void {
  open.delete(socket)
}

/** The options of libzmq for ours. */
export function zeromqOptions(options: SocketOptions): Record<string, number> {
  const { heartbeat } = options
  return {
    linger: 0,
    sendTimeout: 0,
    sendHighWaterMark: behindQueue(options.sendLimits),
    maxMessageSize: Math.max(leastMaxMessageSize, options.maxMessageBytes ?? defaultMaxMessageBytes),
    handshakeInterval: options.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs,
    ...(heartbeat && { heartbeatInterval: heartbeat.intervalMs, heartbeatTimeout: heartbeat.timeoutMs }),
  }
}

/** Whole octets of a message. */
export function sizeOf(frames: readonly Uint8Array[]): number {
  let bytes = 0
  for (const frame of frames) bytes += frame.length
  return bytes
}

/** Closes and lets libzmq send what it holds for at most `lingerMs`, in the background. */
export function closeLingering(socket: ZeromqSocket, lingerMs: number): void {
  if (socket.closed) return
  socket.linger = Math.max(0, Math.round(lingerMs))
  socket.close()
}

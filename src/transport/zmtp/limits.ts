/** Options of sockets as numbers, with their defaults, checked. */
import { ZincError } from "../../core/errors.ts"
import { type DecoderLimits, defaultLimits } from "../../zmtp/frame-decoder.ts"
import type { OutboxLimits } from "../../zmtp/outbox.ts"
import type { QueueLimits, SocketOptions } from "../transport.ts"

export const defaultSendLimits: OutboxLimits = { messages: 1_000, bytes: 64 * 1024 * 1024 }
export const defaultHandshakeTimeoutMs = 30_000
/** What waits in one plain socket to be read. */
export const defaultReceiveBytes: number = 256 * 1024 * 1024
/** Of a transport for endpoints; plain sockets have none, as libzmq has none. */
export const defaultBufferedBytes: number = 1024 * 1024 * 1024

export function outboxLimits(limits: QueueLimits | undefined): OutboxLimits {
  return {
    messages: notNegative("sendLimits.messages", limits?.messages ?? defaultSendLimits.messages),
    bytes: notNegative("sendLimits.bytes", limits?.bytes ?? defaultSendLimits.bytes),
  }
}

export function decoderLimits(
  options: Pick<SocketOptions, "maxMessageBytes">,
  maxCommandBytes?: number,
): DecoderLimits {
  const most = notNegative("maxMessageBytes", options.maxMessageBytes ?? defaultLimits.maxMessageBytes)
  return {
    ...defaultLimits,
    maxFrameBytes: most,
    maxMessageBytes: most,
    ...(maxCommandBytes !== undefined && { maxCommandBytes }),
  }
}

export function notNegative(name: string, value: number): number {
  if (value >= 0) return value
  throw new ZincError("BadOption", `${name} must be zero or more, not ${value}`)
}

export function atLeastOne(name: string, value: number): number {
  if (value >= 1) return value
  throw new ZincError("BadOption", `${name} must be at least 1, not ${value}`)
}

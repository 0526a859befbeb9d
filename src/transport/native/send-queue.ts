/**
 * What waits in front of libzmq. The limit holds here; libzmq may hold half as many messages again, since it cannot be
 * asked how many it holds.
 */
import type { QueueLimits } from "../transport.ts"

/** Frames shorter than this are copied by libzmq's binding; longer ones it keeps by reference. */
export const referenceBytes = 129

const defaultMessages = 1_000
const defaultBytes = 64 << 20

/** How many messages libzmq may hold for each connection, when our queue in front of it holds as many as allowed. */
export function behindQueue(limits: QueueLimits | undefined): number {
  const messages = limits?.messages ?? defaultMessages
  return messages === 0 ? defaultMessages : Math.max(1, Math.floor(messages / 2))
}

export class SendQueue {
  readonly #maxMessages: number
  readonly #maxBytes: number
  #messages: (readonly Uint8Array[])[] = []
  #head = 0
  #bytes = 0
  #full = false

  constructor(limits: QueueLimits | undefined) {
    const messages = limits?.messages ?? defaultMessages
    this.#maxMessages = messages === 0 ? Number.POSITIVE_INFINITY : messages
    this.#maxBytes = (limits?.bytes ?? defaultBytes) || Number.POSITIVE_INFINITY
  }

  get size(): number {
    return this.#messages.length - this.#head
  }
  get bytes(): number {
    return this.#bytes
  }

  /** False when full; the message is then not taken. Short frames are copied. */
  push(frames: readonly Uint8Array[]): boolean {
    if (this.size >= this.#maxMessages || this.#bytes >= this.#maxBytes) {
      this.#full = true
      return false
    }
    const kept: Uint8Array[] = []
    for (const frame of frames) {
      this.#bytes += frame.length
      kept.push(frame.length < referenceBytes ? new Uint8Array(frame) : frame)
    }
    this.#messages.push(kept)
    return true
  }

  peek(): readonly Uint8Array[] | undefined {
    return this.#messages[this.#head]
  }

  shift(): readonly Uint8Array[] | undefined {
    const message = this.#messages[this.#head]
    if (message === undefined) return undefined
    this.#messages[this.#head] = []
    this.#head++
    if (this.#head > 1_024 && this.#head * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head)
      this.#head = 0
    }
    for (const frame of message) this.#bytes -= frame.length
    return message
  }

  clear(): number {
    const dropped = this.size
    this.#messages = []
    this.#head = 0
    this.#bytes = 0
    return dropped
  }

  /** True once after a refusal, when the queue has fallen to half its limits. */
  takeRoom(): boolean {
    if (!this.#full || this.size > this.#maxMessages / 2 || this.#bytes > this.#maxBytes / 2) return false
    this.#full = false
    return true
  }
}

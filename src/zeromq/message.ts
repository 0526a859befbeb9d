/** Messages as zeromq.js takes and gives them. */
import { noBytes } from "../core/bytes.ts"

/** A frame that was received. */
export type Message = Buffer

/** What can be sent as a frame. Anything else is sent as what `String` makes of it. */
export type MessageLike = ArrayBufferView | ArrayBuffer | SharedArrayBuffer | string | number | null

/** The frames of a message: one, or an array of them. Octets are not copied here. Throws `TypeError` without a message. */
export function framesOf(message: unknown): Uint8Array[] {
  if (message === undefined) throw new TypeError("Message must be present")
  if (!Array.isArray(message)) return [frameOf(message)]
  const frames: Uint8Array[] = new Array(message.length)
  for (let i = 0; i < frames.length; i++) frames[i] = frameOf(message[i])
  return frames
}

function frameOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (typeof value === "string") return Buffer.from(value)
  if (value === null || value === undefined) return noBytes
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return new Uint8Array(value)
  return Buffer.from(String(value))
}

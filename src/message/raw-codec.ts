/** Codec 0: octets as they are. */
import { utf8 } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"
import { type Codec, CodecNumber } from "./codec.ts"

/**
 * Writes octets as they are, without a copy, and a string as its UTF-8. Always reads octets: whether they were a string
 * does not travel.
 */
export const rawCodec: Codec = {
  name: "raw",
  number: CodecNumber.Raw,

  encode(value) {
    if (typeof value === "string") return utf8(value)
    // As a plain array also what is a Buffer, whose slice() would be a view.
    if (value instanceof Uint8Array && value.constructor === Uint8Array) return value
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    if (value instanceof ArrayBuffer) return new Uint8Array(value)
    const what = value === null ? "null" : typeof value
    throw new ZincError(
      "BadPayload",
      `the raw codec writes octets or a string, not ${what}; choose "json" or "msgpack"`,
    )
  },

  decode(bytes) {
    return bytes
  },
}

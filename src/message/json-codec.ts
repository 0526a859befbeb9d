/** Codec 1: JSON (RFC 8259) in UTF-8. */
import { messageOf, ZincError } from "../core/errors.ts"
import { type Codec, CodecNumber } from "./codec.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

/** Small texts are written here first and copied out once, which beats asking the encoder for an array of its own. */
const scratch = new Uint8Array(4096)
/** A UTF-16 unit takes at most three octets of UTF-8. */
const scratchUnits = Math.floor(scratch.length / 3)

/**
 * Writes what `JSON.stringify` writes, so a member that is `undefined` is left out and NaN becomes null. A value that
 * has no JSON at all (`undefined`, a function, a BigInt, a cycle) is refused.
 */
export const jsonCodec: Codec = {
  name: "json",
  number: CodecNumber.Json,

  encode(value) {
    let text: string | undefined
    try {
      text = JSON.stringify(value)
    } catch (cause) {
      throw new ZincError("BadPayload", `JSON cannot carry this value: ${messageOf(cause)}`, { cause })
    }
    if (text === undefined)
      throw new ZincError("BadPayload", `JSON cannot carry ${typeof value}; send null, or an object`)
    if (text.length > scratchUnits) return encoder.encode(text)
    return scratch.slice(0, encoder.encodeInto(text, scratch).written)
  },

  decode(bytes) {
    try {
      return JSON.parse(decoder.decode(bytes))
    } catch (cause) {
      throw new ZincError("BadPayload", `a payload of ${bytes.length} octets is not JSON: ${messageOf(cause)}`, {
        cause,
      })
    }
  },
}

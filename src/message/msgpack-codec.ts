/** Codec 2: MessagePack. */
import { Decoder, Encoder } from "@msgpack/msgpack"
import { messageOf, ZincError } from "../core/errors.ts"
import { type Codec, CodecNumber } from "./codec.ts"

const encoder = new Encoder()
const decoder = new Decoder()

/**
 * Carries binary (`Uint8Array`) and `Date` besides what JSON carries. `undefined` becomes null; a BigInt is refused.
 * Integers of other languages beyond ±2⁵³ are read as the nearest number. Binary in what it reads is a view.
 */
export const msgpackCodec: Codec = {
  name: "msgpack",
  number: CodecNumber.Msgpack,

  encode(value) {
    try {
      return encoder.encode(value)
    } catch (cause) {
      throw new ZincError("BadPayload", `MessagePack cannot carry this value: ${messageOf(cause)}`, { cause })
    }
  },

  decode(bytes) {
    try {
      return decoder.decode(bytes)
    } catch (cause) {
      throw new ZincError("BadPayload", `a payload of ${bytes.length} octets is not MessagePack: ${messageOf(cause)}`, {
        cause,
      })
    }
  },
}

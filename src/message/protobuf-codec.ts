/** Codec 3: Protocol Buffers, one codec for each message type. */
import {
  create,
  type DescMessage,
  fromBinary,
  isMessage,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf"
import { messageOf, ZincError } from "../core/errors.ts"
import { type Codec, CodecNumber } from "./codec.ts"

/**
 * A codec for one message type, as `protoc-gen-es` generates its schema. It writes a message or a plain object of the
 * same fields; it reads messages, whose unknown fields are kept.
 *
 * Number 3 says "Protocol Buffers" but not which type, so both ends declare the codec for the topic
 * (`CodecRegistry.declare`). Give a number of your own, 128–255, to let the number alone name the type.
 */
export function protobufCodec<S extends DescMessage>(
  schema: S,
  number: number = CodecNumber.Protobuf,
): Codec<MessageShape<S> | MessageInitShape<S>> {
  const members = new Set(["$typeName", "$unknown", ...schema.members.map(member => member.localName)])

  function messageOfValue(value: unknown): MessageShape<S> {
    if (value === null || typeof value !== "object")
      throw new TypeError(`it is ${value === null ? "null" : typeof value}`)
    if (isMessage(value, schema)) return value as MessageShape<S>
    if (isMessage(value)) throw new TypeError(`it is a ${value.$typeName}`)
    // `create` would leave out what it does not know, and nobody would hear of it.
    const stranger = Object.keys(value).find(key => !members.has(key))
    if (stranger !== undefined) throw new TypeError(`it has no field "${stranger}"`)
    return create(schema, value as MessageInitShape<S>)
  }

  return {
    name: `protobuf:${schema.typeName}`,
    number,

    encode(value) {
      try {
        return toBinary(schema, messageOfValue(value))
      } catch (cause) {
        throw new ZincError("BadPayload", `this value is no ${schema.typeName}: ${messageOf(cause)}`, { cause })
      }
    },

    decode(bytes) {
      try {
        return fromBinary(schema, bytes)
      } catch (cause) {
        const octets = `a payload of ${bytes.length} octets`
        throw new ZincError("BadPayload", `${octets} is no ${schema.typeName}: ${messageOf(cause)}`, { cause })
      }
    },
  }
}

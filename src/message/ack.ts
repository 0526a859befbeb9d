/**
 * The one control message that comes all the time, ACK, in and out of the octets that Protocol Buffers gives it, without
 * the general way: that costs as much as passing on several messages.
 */
import type { MessageInitShape } from "@bufbuild/protobuf"
import type { Ack, AckSchema } from "./generated/control_pb.ts"

/** The body's field number, for a part with a length. */
const ackKey = [0x8a, 0x01] as const
/** Keys of its fields. */
const receivedKey = 0x08
const rootedKey = 0x10
const resendKey = 0x18
/** A varint of more octets may be past 2⁵³ − 1. */
const varintBytesMax = 7

/** The whole control message, without `after`; undefined for numbers past 2⁵³ − 1. */
export function encodeAck({ received, rooted, resend }: MessageInitShape<typeof AckSchema>): Uint8Array | undefined {
  const [came, atRoot] = [Number(received ?? 0), Number(rooted ?? 0)]
  if (![came, atRoot].every(number => Number.isSafeInteger(number) && number >= 0)) return undefined
  const octets: number[] = [ackKey[0], ackKey[1], 0]
  addField(octets, receivedKey, came)
  addField(octets, rootedKey, atRoot)
  if (resend) octets.push(resendKey, 1)
  octets[2] = octets.length - 3
  return Uint8Array.from(octets)
}

/** Undefined when it is another message, or may be written otherwise than we do: then the general way knows. */
export function decodeAck(bytes: Uint8Array): Ack | undefined {
  if (bytes[0] !== ackKey[0] || bytes[1] !== ackKey[1] || bytes[2] !== bytes.length - 3) return undefined
  let at = 3
  const field = (key: number): number | undefined => {
    if (bytes[at] !== key) return 0
    at++
    let value = 0
    let unit = 1
    for (let i = 0; i < varintBytesMax; i++) {
      const octet = bytes[at++]
      if (octet === undefined) return undefined
      value += (octet & 0x7f) * unit
      if (octet < 0x80) return value
      unit *= 128
    }
    return undefined
  }
  const received = field(receivedKey)
  const rooted = field(rootedKey)
  const resend = field(resendKey)
  if (received === undefined || rooted === undefined || resend === undefined || resend > 1 || at !== bytes.length)
    return undefined
  return { $typeName: "zinc.v1.Ack", received: BigInt(received), rooted: BigInt(rooted), resend: resend === 1 }
}

/** Zero is said by saying nothing. */
function addField(octets: number[], key: number, value: number): void {
  if (value === 0) return
  octets.push(key)
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) | 0x80)
  octets.push(rest)
}

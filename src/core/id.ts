/** Identifiers. Each is a brand, so that one cannot be passed where another is meant. */
import { toHex } from "./bytes.ts"
import { ZincError } from "./errors.ts"
import type { Random } from "./random.ts"

declare const endpointIdBrand: unique symbol
/** Names one opening of an endpoint: a UUID (RFC 9562) in lower case, new each time it opens. Ours are of version 8 and prove their owner (src/endpoint/own-id.ts). */
export type EndpointId = string & { readonly [endpointIdBrand]: true }

export function newEndpointId(random: Random): EndpointId {
  const bytes = random.bytes(16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return endpointIdFromBytes(bytes)
}

/** `at` is where the sixteen octets begin. */
export function endpointIdFromBytes(bytes: Uint8Array, at = 0): EndpointId {
  const hex = toHex(bytes.subarray(at, at + 16))
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as EndpointId
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export function isEndpointId(text: string): text is EndpointId {
  return uuid.test(text)
}

export function endpointIdToBytes(id: EndpointId): Uint8Array {
  if (!isEndpointId(id)) throw new ZincError("BadOption", `"${String(id)}" is not an endpoint id (a lower-case UUID)`)
  const bytes = new Uint8Array(16)
  const digits = id.replaceAll("-", "")
  for (let i = 0; i < 16; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

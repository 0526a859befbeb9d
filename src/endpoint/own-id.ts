/**
 * An endpoint's id and what proves that it is its own: a secret of sixteen octets, of which the id is made by SHA-256, so
 * that every host can tell who may use it without having met its owner. As a UUID it is of version 8 (RFC 9562, §5.8), which
 * leaves 122 bits; whoever wants to use it has to find a secret for these. Ids of other versions prove nothing.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { equalBytes } from "../core/bytes.ts"
import { type EndpointId, endpointIdFromBytes } from "../core/id.ts"
import type { Random } from "../core/random.ts"

export interface OwnId {
  readonly id: EndpointId
  /** Shown to the hosts that it joins, and to nobody else. */
  readonly secret: Uint8Array
}

export function newOwnId(random: Random): OwnId {
  const secret = random.bytes(16)
  return { id: endpointIdFromBytes(idOf(secret)), secret }
}

/** Whether somebody with that secret may use that id, of sixteen octets. */
export function isProven(id: Uint8Array, secret: Uint8Array): boolean {
  const isMade = id[6]! >> 4 === 8 && id[8]! >> 6 === 2
  return !isMade || (secret.length === 16 && equalBytes(id, idOf(secret)))
}

function idOf(secret: Uint8Array): Uint8Array {
  const bytes = sha256(secret).slice(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes
}

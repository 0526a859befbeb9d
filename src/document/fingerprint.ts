/** Eight octets that stand for a version in notices, whatever its size (FNV-1a over two lanes, then mixed). */
import { writeU32 } from "../core/bytes.ts"

const fingerprintBytes = 8

export function fingerprint(version: Uint8Array): Uint8Array {
  let low = 0x811c9dc5
  let high = 0x2545f491
  for (const octet of version) {
    low = Math.imul(low ^ octet, 0x01000193)
    high = Math.imul(high ^ octet, 0x85ebca6b) ^ (high >>> 15)
  }
  const bytes = new Uint8Array(fingerprintBytes)
  writeU32(bytes, 0, high >>> 0)
  writeU32(bytes, 4, low >>> 0)
  return bytes
}

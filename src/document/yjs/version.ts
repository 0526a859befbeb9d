/**
 * The version of a Yjs document (DESIGN D2): state vector *and* a digest of what is deleted. State vectors alone count
 * insertions only; two replicas of which one misses a deletion have the same.
 *
 *   [digest of the delete set: 8 octets][state vector as Yjs encodes it, clients in falling order]
 */
import * as Y from "yjs"
import { concat, equalBytes, writeU32 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"

const digestBytes = 8

export interface YjsVersion {
  readonly digest: Uint8Array
  readonly stateVector: Uint8Array
}

export function versionOf(doc: Y.Doc): Uint8Array {
  return concat([deleteDigest(doc), Y.encodeStateVector(doc)])
}

/** Throws `BadPayload`. */
export function readVersion(version: Uint8Array): YjsVersion & { readonly clocks: Map<number, number> } {
  try {
    const stateVector = version.subarray(digestBytes)
    if (stateVector.length === 0) throw new Error("too short")
    return { digest: version.subarray(0, digestBytes), stateVector, clocks: Y.decodeStateVector(stateVector) }
  } catch (cause) {
    throw new ZincError("BadPayload", "a version of a Yjs document is a digest and a state vector; this is not", {
      cause,
    })
  }
}

export function sameDigest(a: YjsVersion, b: YjsVersion): boolean {
  return equalBytes(a.digest, b.digest)
}

/**
 * Sums a hash over the runs of deleted clocks. Runs are canonical (neighbours are joined whatever the structs they sit
 * in), and a sum does not depend on the order of clients, so equal delete sets give equal digests at every replica.
 */
export function deleteDigest(doc: Y.Doc): Uint8Array {
  let low = 0
  let high = 0
  for (const [client, structs] of doc.store.clients) {
    for (let i = 0; i < structs.length; i++) {
      const first = structs[i]!
      if (!first.deleted) continue
      const start = first.id.clock
      let end = start + first.length
      while (i + 1 < structs.length && structs[i + 1]!.deleted) end += structs[++i]!.length
      low = (low + hash(client, start, end, 0x2545f491)) | 0
      high = (high + hash(client, start, end, 0x9e3779b9)) | 0
    }
  }
  const digest = new Uint8Array(digestBytes)
  writeU32(digest, 0, high)
  writeU32(digest, 4, low)
  return digest
}

function hash(client: number, start: number, end: number, seed: number): number {
  let h = seed
  for (const value of [client, start, end]) {
    h = mix(h ^ (value | 0))
    h = mix(h ^ (Math.floor(value / 0x1_0000_0000) | 0))
  }
  return h
}

/** The finalizer of MurmurHash3: every bit of the input reaches every bit of the output. */
function mix(value: number): number {
  let h = (value + 0x6d2b79f5) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

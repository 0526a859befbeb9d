/** Octets in the pieces in which a network might deliver them. */
import { SeededRandom } from "../../src/core/random.ts"

/** The pieces; in order they are the whole. 0 cuts nothing; other seeds cut few or many, down to single octets. */
export function pieces(bytes: Uint8Array, cut: number): Uint8Array[] {
  if (cut === 0 || bytes.length === 0) return [bytes]
  const random = new SeededRandom(cut)
  const most = [1, 2, 9, 64, 700, 5_000][random.below(6)]!
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(bytes.length - at, 1 + random.below(most))
    parts.push(bytes.subarray(at, at + length))
    at += length
  }
  return parts
}

/** Makes new inputs from known ones: small damage, large damage, and pieces of one in another. */
import { concat } from "../../src/core/bytes.ts"
import type { SeededRandom } from "../../src/core/random.ts"

/** Values at which readers err. */
const octets = [0, 1, 2, 3, 4, 6, 7, 0x0a, 0x0d, 0x20, 0x7d, 0x7e, 0x7f, 0x80, 0xfe, 0xff]
const sizes = [
  0, 1, 0x7d, 0x7e, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
]

export interface Materials {
  readonly corpus: readonly Uint8Array[]
  readonly words: readonly Uint8Array[]
  readonly bytesMax: number
}

/** Most octets of most inputs; few are as long as their target takes. */
const usualMax = 2_048

/** One input out of the corpus, changed one to eight times. */
export function mutated(random: SeededRandom, given: Materials): Uint8Array {
  const bytesMax = random.below(32) === 0 ? given.bytesMax : Math.min(usualMax, given.bytesMax)
  const materials = { ...given, bytesMax }
  let bytes = materials.corpus[random.below(materials.corpus.length)] ?? random.bytes(random.below(64))
  for (let times = 1 + random.below(random.below(8) + 1); times > 0; times--) bytes = change(bytes, random, materials)
  return bytes.length > bytesMax ? bytes.subarray(0, bytesMax) : bytes
}

function change(bytes: Uint8Array, random: SeededRandom, { corpus, words, bytesMax }: Materials): Uint8Array {
  const at = random.below(bytes.length + 1)
  const length = Math.min(bytes.length - at, 1 + random.below(random.below(4) === 0 ? 64 : 8))
  const before = bytes.subarray(0, at)
  const after = bytes.subarray(at)
  const beyond = bytes.subarray(at + length)
  switch (random.below(12)) {
    case 0: {
      const copy = new Uint8Array(bytes)
      if (at < copy.length) copy[at]! ^= 1 << random.below(8)
      return copy
    }
    case 1: {
      const copy = new Uint8Array(bytes)
      if (at < copy.length) copy[at] = octets[random.below(octets.length)]!
      return copy
    }
    case 2: {
      const copy = new Uint8Array(bytes)
      if (at < copy.length) copy[at]! += random.below(9) - 4
      return copy
    }
    case 3:
      return concat([before, number(random), bytes.subarray(Math.min(bytes.length, at + 4))])
    case 4:
      return concat([before, beyond])
    case 5:
      return concat([before, bytes.subarray(at, at + length), after])
    case 6: {
      // A stretch many times over: the bombs are among these.
      const stretch = bytes.subarray(at, at + length)
      const times = Math.min(1 + random.below(random.below(8) === 0 ? 4_096 : 32), Math.ceil(bytesMax / (length || 1)))
      return concat([before, ...Array<Uint8Array>(times).fill(stretch), beyond])
    }
    case 7:
      return concat([before, random.bytes(1 + random.below(16)), random.below(2) === 0 ? after : beyond])
    case 8:
      return words.length === 0 ? before : concat([before, words[random.below(words.length)]!, after])
    case 9:
      return random.below(4) === 0 ? before : concat([before, new Uint8Array(random.below(300)), after])
    case 10: {
      const other = corpus[random.below(corpus.length)] ?? bytes
      const from = random.below(other.length + 1)
      return concat([before, other.subarray(from, from + random.below(other.length - from + 1)), beyond])
    }
    default: {
      const other = corpus[random.below(corpus.length)] ?? bytes
      return concat([before, other])
    }
  }
}

/** A telling number in one of the ways numbers travel. */
function number(random: SeededRandom): Uint8Array {
  const value = sizes[random.below(sizes.length)]!
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  switch (random.below(4)) {
    case 0:
      return Uint8Array.of(value & 0xff)
    case 1:
      view.setUint16(0, value & 0xffff)
      return bytes.subarray(0, 2)
    case 2:
      view.setUint32(0, value >>> 0)
      return bytes.subarray(0, 4)
    default:
      view.setUint32(random.below(2) * 4, value >>> 0)
      return bytes
  }
}

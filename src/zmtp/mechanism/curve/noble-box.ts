/** The box of plain JavaScript, by the audited noble packages: everywhere, and nothing to load. */
import { hsalsa, xsalsa20poly1305 } from "@noble/ciphers/salsa.js"
import { x25519 } from "@noble/curves/ed25519.js"
import { dirtyBytes, noBytes } from "../../../core/bytes.ts"
import { type Box, keyBytes, tagBytes } from "./box.ts"

/** "expand 32-byte k" as little-endian words. */
const sigma = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574)

class NobleBox implements Box {
  readonly name = "noble"
  #workspace: Uint8Array = noBytes

  publicKeyOf(secretKey: Uint8Array): Uint8Array {
    return x25519.getPublicKey(secretKey)
  }

  sharedKey(publicKey: Uint8Array, secretKey: Uint8Array): Uint8Array | undefined {
    let point: Uint8Array
    try {
      point = x25519.getSharedSecret(secretKey, publicKey)
    } catch {
      return undefined
    }
    // crypto_box hashes the point once more, with a nonce of zeros.
    const key = new Uint32Array(8)
    hsalsa(sigma, wordsOf(point), new Uint32Array(4), key)
    return new Uint8Array(key.buffer, 0, keyBytes)
  }

  /** It makes memory of its own for what comes out. */
  readonly directBytes: number = Number.POSITIVE_INFINITY

  workspace(bytes: number): Uint8Array {
    if (this.#workspace.length < bytes) {
      const made = dirtyBytes(bytes)
      // What a giant needs goes with it.
      if (bytes > keptBytes) return made
      this.#workspace = made
    }
    return this.#workspace
  }

  seal(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array, at: number, end: number): void {
    bytes.set(xsalsa20poly1305(key, nonce).encrypt(bytes.subarray(at + tagBytes, end)), at)
  }

  open(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array, at: number, end: number): boolean {
    if (end - at < tagBytes) return false
    try {
      bytes.set(xsalsa20poly1305(key, nonce).decrypt(bytes.subarray(at, end)), at + tagBytes)
      return true
    } catch {
      return false
    }
  }
}

/** Largest workspace that is kept. */
const keptBytes = 1024 * 1024

/** Octets as little-endian words, in memory of their own. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(bytes.length / 4)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let i = 0; i < words.length; i++) words[i] = view.getUint32(4 * i, true)
  return words
}

export const nobleBox: Box = new NobleBox()

/** Keys of CURVE: 32 octets, or the same in Z85, 40 characters, as they stand in configurations. */
import { ZincError } from "../../../core/errors.ts"
import { type Random, systemRandom } from "../../../core/random.ts"
import { fromZ85, toZ85 } from "../../../core/z85.ts"
import { keyBytes } from "./box.ts"
import { nobleBox } from "./noble-box.ts"

/** 32 octets, or 40 characters of Z85. */
export type CurveKey = Uint8Array | string

export interface CurveKeyPair {
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
}

/** Throws `BadOption`, without repeating the key. */
export function readKey(name: string, key: CurveKey): Uint8Array {
  if (typeof key === "string" ? key.length === (keyBytes / 4) * 5 : key?.length === keyBytes) {
    return typeof key === "string" ? fromZ85(key) : new Uint8Array(key)
  }
  throw new ZincError(
    "BadOption",
    `${name} must be ${keyBytes} octets, or 40 characters of Z85 as "zinc keygen" prints`,
  )
}

/** A fresh pair. */
export function makeKeyPair(random: Random = systemRandom): CurveKeyPair {
  const secretKey = random.bytes(keyBytes)
  return { publicKey: nobleBox.publicKeyOf(secretKey), secretKey }
}

/** The public key, in Z85, of a secret one. Throws `BadOption`. */
export function publicKeyOf(secretKey: CurveKey): Uint8Array {
  return nobleBox.publicKeyOf(readKey("secretKey", secretKey))
}

/** A key in Z85. */
export function keyText(key: Uint8Array): string {
  return toZ85(key)
}

/** Equal or not, in a time that depends on the length of `given` alone: it tells neither where they differ nor how long `wanted` is. */
export function sameOctets(given: Uint8Array, wanted: Uint8Array): boolean {
  let difference = given.length ^ wanted.length
  for (let i = 0; i < given.length; i++) difference |= given[i]! ^ wanted[i % wanted.length]!
  return difference === 0
}

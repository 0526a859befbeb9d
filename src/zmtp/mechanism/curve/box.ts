/**
 * The cryptography that CURVE is made of, as a contract: X25519 and XSalsa20-Poly1305, which NaCl calls crypto_box and
 * crypto_secretbox. Two adapters, one result: `noble` (plain JavaScript, everywhere) and `sodium` (WebAssembly, faster).
 */

export const keyBytes = 32
export const nonceBytes = 24
/** Octets of the tag that stands before what it vouches for. */
export const tagBytes = 16

export interface Box {
  /** For people. */
  readonly name: string
  /** The public key that belongs to a secret one, both of 32 octets. */
  publicKeyOf(secretKey: Uint8Array): Uint8Array
  /** What the holders of either secret key share; undefined for a public key that gives everybody the same. */
  sharedKey(publicKey: Uint8Array, secretKey: Uint8Array): Uint8Array | undefined
  /**
   * Memory to seal and open in, at least that long, where doing so costs least. Overwritten by whoever asks next: to be
   * used up within the turn. May be longer than asked.
   */
  workspace(bytes: number): Uint8Array
  /** Covers [at + tagBytes, end) in place and puts the tag before it. */
  seal(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array, at: number, end: number): void
  /** The reverse, in place; false, and the octets are not to be used, when the tag is not right. Constant in time for a length. */
  open(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array, at: number, end: number): boolean
}

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
  /**
   * From this many octets of box on, tag included, sealing costs the same wherever it is done, and `openTo` is there: the
   * way through the workspace only adds copies. Infinite where the workspace is always better.
   */
  readonly directBytes: number
  /** As `open`, for a box of at least `directBytes`, but leaves what was in it at `to` of `into`, and [at, end) as it is. */
  openTo?(
    key: Uint8Array,
    nonce: Uint8Array,
    bytes: Uint8Array,
    at: number,
    end: number,
    into: Uint8Array,
    to: number,
  ): boolean
  /** The reverse, in place; false, and the octets are not to be used, when the tag is not right. Constant in time for a length. */
  open(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array, at: number, end: number): boolean
}

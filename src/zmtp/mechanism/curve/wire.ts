/**
 * The commands of CURVE (rfc:26), octet by octet; numbers are offsets from the command's first octet.
 *
 *   HELLO     0 name 6 | 6 version 2 | 8 zeros 72 | 80 C' 32 | 112 nonce 8 | 120 box of 64 zeros 80            200
 *   WELCOME   0 name 8 | 8 nonce 16 | 24 box of S' and cookie 144                                              168
 *   cookie    0 nonce 16 | 16 box of C' and s' 80                                                               96
 *   INITIATE  0 name 9 | 9 cookie 96 | 105 nonce 8 | 113 box of C 32, vouch nonce 16, vouch 80, metadata  257 + …
 *   vouch     box of C' and S                                                                                   80
 *   READY     0 name 6 | 6 nonce 8 | 14 box of metadata                                                    30 + …
 *   MESSAGE   0 name 8 | 8 nonce 8 | 16 box of flags 1, body                                               33 + …
 *
 * C, S are the lasting keys of client and server, C', S' those made for one connection. Nonces of boxes are 24 octets:
 * words below, then what travels.
 */
import { writeU64 } from "../../../core/bytes.ts"
import { type Box, nonceBytes, tagBytes } from "./box.ts"

export const helloBytes = 200
export const welcomeBytes = 168
export const cookieBytes = 96
export const initiateMinBytes = 257
export const readyMinBytes = 30
export const messageMinBytes = 33

/** The words nonces begin with. Those of 16 are followed by a counter, those of 8 by 16 random octets. */
export const Words = {
  Hello: "CurveZMQHELLO---",
  Welcome: "WELCOME-",
  Cookie: "COOKIE--",
  Initiate: "CurveZMQINITIATE",
  Vouch: "VOUCH---",
  Ready: "CurveZMQREADY---",
  FromClient: "CurveZMQMESSAGEC",
  FromServer: "CurveZMQMESSAGES",
} as const
export type Words = (typeof Words)[keyof typeof Words]

/** A nonce of words and what travels. */
export function nonceOf(words: Words, rest: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(nonceBytes)
  for (let i = 0; i < words.length; i++) nonce[i] = words.charCodeAt(i)
  nonce.set(rest, words.length)
  return nonce
}

/** A counter as it travels. */
export function counterBytes(counter: number): Uint8Array {
  const bytes = new Uint8Array(8)
  writeU64(bytes, 0, counter)
  return bytes
}

/** The octets in a box of their own. */
export function sealed(box: Box, key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(tagBytes + plain.length)
  bytes.set(plain, tagBytes)
  box.seal(key, nonce, bytes, 0, bytes.length)
  return bytes
}

/** What is in a box, or undefined when it was not sealed with this key and nonce. */
export function opened(box: Box, key: Uint8Array, nonce: Uint8Array, covered: Uint8Array): Uint8Array | undefined {
  const bytes = new Uint8Array(covered)
  return box.open(key, nonce, bytes, 0, bytes.length) ? bytes.subarray(tagBytes) : undefined
}

/**
 * The 64 octets each side sends first (rfc:37):
 *
 *   FF | 8 padding | 7F || major | minor || mechanism, 20, NUL-padded || as-server | 31 zero
 *
 * It is read as it comes, so that a peer of an older protocol is recognised at the first octet that tells.
 */
import { ZincError } from "../core/errors.ts"

export const greetingBytes = 64

/** The version we announce. */
export const ourVersion: Version = { major: 3, minor: 1 }

export interface Version {
  readonly major: number
  /** 0 for peers that know neither SUBSCRIBE nor CANCEL commands; 1 and above for those that do. */
  readonly minor: number
}

export interface Greeting {
  readonly version: Version
  /** "NULL", "PLAIN", "CURVE" … */
  readonly mechanism: string
  /** Not to be relied on: libzmq always says false. */
  readonly asServer: boolean
}

export function encodeGreeting(mechanism: string, asServer = false): Uint8Array {
  const bytes = new Uint8Array(greetingBytes)
  bytes[0] = 0xff
  // libzmq puts the length of an empty identity plus one here for peers of ZMTP 1.0; the octets mean nothing to 3.x.
  bytes[8] = 1
  bytes[9] = 0x7f
  bytes[10] = ourVersion.major
  bytes[11] = ourVersion.minor
  for (let i = 0; i < mechanism.length; i++) bytes[12 + i] = mechanism.charCodeAt(i)
  bytes[32] = asServer ? 1 : 0
  return bytes
}

/** Gathers a greeting from chunks of any size. */
export class GreetingReader {
  readonly #bytes = new Uint8Array(greetingBytes)
  #have = 0
  /** What was read, once it is whole. */
  greeting: Greeting | undefined
  /** Why it cannot be a greeting of ZMTP 3, as soon as that is known. */
  fault: ZincError | undefined

  /** Takes octets of `chunk` from `at`; returns where it stopped: after the greeting, or at the end of the chunk. */
  read(chunk: Uint8Array, at: number): number {
    const take = Math.min(greetingBytes - this.#have, chunk.length - at)
    this.#bytes.set(chunk.subarray(at, at + take), this.#have)
    this.#have += take
    this.fault = this.#check()
    if (this.fault === undefined && this.#have === greetingBytes) this.greeting = this.#parse()
    return at + take
  }

  #check(): ZincError | undefined {
    const bytes = this.#bytes
    const have = this.#have
    if (have > 0 && bytes[0] !== 0xff) return tooOld("it does not begin like ZMTP 2 or later")
    if (have > 9 && (bytes[9]! & 1) === 0) return tooOld("it begins like ZMTP 1.0")
    // The octet is libzmq's revision: 0 and 1 mean ZMTP 1.0 and 2.0; anything above is read as 3.x, as libzmq does.
    if (have > 10 && bytes[10]! < 2) return tooOld(`it announces ZMTP ${bytes[10]! + 1}.0`)
    return undefined
  }

  #parse(): Greeting {
    const bytes = this.#bytes
    let mechanism = ""
    for (let i = 12; i < 32 && bytes[i] !== 0; i++) mechanism += String.fromCharCode(bytes[i]!)
    const minor = bytes[10]! === 3 ? bytes[11]! : 1
    return { version: { major: bytes[10]!, minor }, mechanism, asServer: bytes[32] === 1 }
  }
}

function tooOld(why: string): ZincError {
  return new ZincError("VersionMismatch", `the peer does not speak ZMTP 3: ${why}; use libzmq 4.0 or later there`, {
    retryable: true,
  })
}

/** Randomness, handed down from the root. Only this file touches the real source. */

export interface Random {
  /** A whole number in [0, 2³²). */
  u32(): number
  /** A number in [0, 1). */
  float(): number
  /** A whole number in [0, below). */
  below(below: number): number
  /** Fresh random bytes; cryptographic from `systemRandom`, reproducible from `seededRandom`. */
  bytes(length: number): Uint8Array
}

class SystemRandom implements Random {
  readonly #word = new Uint32Array(1)
  u32(): number {
    crypto.getRandomValues(this.#word)
    return this.#word[0]!
  }
  float(): number {
    return this.u32() / 0x1_0000_0000
  }
  below(below: number): number {
    return Math.floor(this.float() * below)
  }
  bytes(length: number): Uint8Array {
    return crypto.getRandomValues(new Uint8Array(length))
  }
}

/** The platform's cryptographic source. */
export const systemRandom: Random = new SystemRandom()

/** A small fast generator (sfc32) whose whole future follows from the seed. Not for secrets. */
export class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = seed >>> 0
    this.#b = Math.floor(seed / 0x1_0000_0000) >>> 0
    this.#c = 0x9e3779b9
    for (let i = 0; i < 15; i++) this.u32()
  }

  u32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  float(): number {
    return this.u32() / 0x1_0000_0000
  }
  below(below: number): number {
    return Math.floor(this.float() * below)
  }
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.u32() & 0xff
    return bytes
  }
  /** A generator of its own for a part, so that one part's draws do not shift another's. */
  fork(): SeededRandom {
    return new SeededRandom(this.u32() * 0x10_0000 + (this.u32() & 0xfffff))
  }
}

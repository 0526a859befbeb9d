/** A running digest of everything that happened, so that two runs of one seed can be compared by one word. */

/** What is folded in. The numbers are part of the digest: add at the end. */
export const Happening = {
  Connected: 1,
  Delivered: 2,
  Lost: 3,
  Subscribed: 4,
  Unsubscribed: 5,
  Dropped: 6,
  Duplicated: 7,
  Reordered: 8,
  Disconnected: 9,
  Cut: 10,
  Partitioned: 11,
  Healed: 12,
  Paused: 13,
  Resumed: 14,
  Crashed: 15,
  Slowed: 16,
  Full: 17,
  Refused: 18,
} as const
export type Happening = (typeof Happening)[keyof typeof Happening]

/** Of a long frame only the first and the last octets are folded in, and its length. */
const sample = 64

/** Two FNV-1a lanes. Not cryptographic. */
export class Trace {
  #a = 0x811c9dc5
  #b = 0x050c5d1f
  /** How many things happened. */
  count = 0
  readonly #number = new Float64Array(1)
  readonly #words = new Uint32Array(this.#number.buffer)

  get hash(): string {
    return (this.#a >>> 0).toString(16).padStart(8, "0") + (this.#b >>> 0).toString(16).padStart(8, "0")
  }

  happened(what: Happening, at: number, subject: number, size: number): void {
    this.count++
    this.#word(what)
    this.#number[0] = at
    this.#word(this.#words[0]!)
    this.#word(this.#words[1]!)
    this.#word(subject)
    this.#word(size)
  }

  bytes(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.#word(end - start)
    if (end - start <= 2 * sample) {
      for (let i = start; i < end; i++) this.#word(bytes[i]!)
      return
    }
    for (let i = start; i < start + sample; i++) this.#word(bytes[i]!)
    for (let i = end - sample; i < end; i++) this.#word(bytes[i]!)
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#word(text.charCodeAt(i))
  }

  #word(word: number): void {
    this.#a = Math.imul(this.#a ^ word, 0x01000193)
    this.#b = Math.imul(this.#b ^ (word + (this.#a >>> 15)), 0x01000193)
  }
}

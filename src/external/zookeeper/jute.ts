/** Jute, the notation of ZooKeeper's messages: big-endian numbers, texts and octets with their length before them. */
import { fromUtf8, utf8 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"

export class JuteWriter {
  #bytes = new Uint8Array(256)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  int(value: number): this {
    const at = this.#room(4)
    this.#view.setInt32(at, value)
    return this
  }
  long(value: bigint): this {
    const at = this.#room(8)
    this.#view.setBigInt64(at, value)
    return this
  }
  boolean(value: boolean): this {
    const at = this.#room(1)
    this.#view.setUint8(at, value ? 1 : 0)
    return this
  }
  buffer(value: Uint8Array): this {
    this.int(value.length)
    const at = this.#room(value.length)
    this.#bytes.set(value, at)
    return this
  }
  text(value: string): this {
    return this.buffer(utf8(value))
  }

  /** All that was written, with its length before it, as it travels. */
  framed(): Uint8Array {
    const frame = new Uint8Array(4 + this.#length)
    new DataView(frame.buffer).setInt32(0, this.#length)
    frame.set(this.#bytes.subarray(0, this.#length), 4)
    return frame
  }

  /** Where there is room for so much; it may move all that was written, so it goes before any use of the view. */
  #room(length: number): number {
    const at = this.#length
    this.#length += length
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    return at
  }
}

/** Reads one message. Throws `BadFrame` when it ends too soon or claims what cannot be. */
export class JuteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get rest(): number {
    return this.#bytes.length - this.#at
  }

  int(): number {
    return this.#view.getInt32(this.#take(4))
  }
  long(): bigint {
    return this.#view.getBigInt64(this.#take(8))
  }
  boolean(): boolean {
    return this.#view.getUint8(this.#take(1)) !== 0
  }
  /** A copy. A length of -1, which stands for none, reads as empty. */
  buffer(): Uint8Array {
    const length = this.int()
    if (length <= 0) return new Uint8Array(0)
    const at = this.#take(length)
    return this.#bytes.slice(at, at + length)
  }
  text(): string {
    return fromUtf8(this.buffer())
  }
  /** `least` is the fewest octets one of them takes, so that a hostile count costs nothing. */
  list<T>(least: number, read: () => T): T[] {
    const count = this.int()
    if (count > this.rest / least) throw tooShort()
    return Array.from({ length: Math.max(0, count) }, read)
  }

  #take(length: number): number {
    const at = this.#at
    if (length > this.rest) throw tooShort()
    this.#at += length
    return at
  }
}

function tooShort(): ZincError {
  return new ZincError("BadFrame", "a ZooKeeper message ends before what it promises")
}

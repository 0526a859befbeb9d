/** Cuts what comes from ZooKeeper into messages. No I/O. */
import { concat } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"

/** Octets of one message from a server: enough for the names of 50,000 nodes. Its own limit is 1 MiB unless raised. */
export const messageBytesMax: number = 4 * 1024 * 1024

export class MessageSplitter {
  #chunks: Uint8Array[] = []
  #length = 0

  /** The whole messages, without their lengths, that this chunk completes. Throws `BadFrame`. */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    const messages: Uint8Array[] = []
    let whole: Uint8Array | undefined
    let at = 0
    for (;;) {
      const need = this.#need(whole, at)
      if (this.#length - at < need) break
      whole ??= this.#chunks.length === 1 ? this.#chunks[0]! : concat(this.#chunks)
      const size = new DataView(whole.buffer, whole.byteOffset).getInt32(at)
      if (size < 0 || size > messageBytesMax)
        throw new ZincError("BadFrame", `a message of ${size} octets from what should be a ZooKeeper server`)
      if (this.#length - at < 4 + size) break
      messages.push(whole.subarray(at + 4, at + 4 + size))
      at += 4 + size
    }
    if (whole !== undefined) {
      this.#chunks = at === whole.length ? [] : [whole.subarray(at)]
      this.#length = whole.length - at
    }
    return messages
  }

  /** Octets needed beyond `at` before it is worth putting the chunks together. */
  #need(whole: Uint8Array | undefined, at: number): number {
    if (whole !== undefined) return 4
    const first = this.#chunks[0]!
    if (first.length < 4 + at) return 4
    const size = new DataView(first.buffer, first.byteOffset).getInt32(at)
    return size < 0 || size > messageBytesMax ? 4 : 4 + size
  }
}

/** A stream whose far end is the fuzzer: says what it likes, and watches what we do about it. */
import type { SimulatedClock } from "../../src/core/simulated-clock.ts"
import type { ByteStream, ByteStreamHandler } from "../../src/transport/carrier.ts"
import { must } from "./target.ts"

export class HostileStream implements ByteStream {
  readonly remote = "tcp://10.6.6.6:666"
  /** Everything we said to it, where that is wanted. */
  readonly written: Uint8Array[] = []
  writtenBytes = 0
  /** It does not read: what we write waits for ever. */
  deaf = false
  closed = false
  readonly #clock: SimulatedClock
  #handler: ByteStreamHandler | undefined
  #paused = false
  #unread: Uint8Array[] = []
  #pending = 0

  constructor(clock: SimulatedClock) {
    this.#clock = clock
  }

  start(handler: ByteStreamHandler): void {
    must(this.#handler === undefined, () => "a stream was started twice")
    this.#handler = handler
    this.#clock.soon(() => this.#deliver())
  }
  get waiting(): number {
    return this.#pending
  }
  write(chunks: readonly Uint8Array[]): boolean {
    if (this.closed) return false
    for (const chunk of chunks) {
      this.writtenBytes += chunk.length
      if (this.written.length < 1_000) this.written.push(new Uint8Array(chunk))
      if (this.deaf) this.#pending += chunk.length
    }
    return !this.deaf
  }
  pause(): void {
    this.#paused = true
  }
  resume(): void {
    this.#paused = false
    this.#clock.soon(() => this.#deliver())
  }
  end(): void {
    this.#close()
  }
  destroy(): void {
    this.#close()
  }

  // ---- the far end ----

  say(bytes: Uint8Array): void {
    this.#unread.push(bytes)
    this.#deliver()
  }
  /** The far end is gone. */
  leave(): void {
    if (this.closed) return
    this.closed = true
    this.#clock.soon(() => this.#handler?.onClose())
  }

  #deliver(): void {
    while (!this.#paused && !this.closed && this.#handler !== undefined && this.#unread.length > 0) {
      // As carriers do: into memory that is overwritten afterwards.
      const chunk = new Uint8Array(this.#unread.shift()!)
      if (this.#handler.onBorrowed !== undefined) {
        this.#handler.onBorrowed(chunk)
        chunk.fill(0xee)
      } else this.#handler.onBytes(chunk)
    }
  }
  #close(): void {
    if (this.closed) return
    this.closed = true
    this.#unread = []
    this.#clock.soon(() => this.#handler?.onClose())
  }
}

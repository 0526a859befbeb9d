/**
 * Reads a connection whose messages travel covered. Each frame that comes is opened into the arena, as the bare frame it
 * covers; runs of bare frames then go through a decoder of their own, which knows messages, limits and prefixes.
 *
 *   chunk ─▶ decoder: covered frames ─▶ cipher.open ─▶ arena: bare frames, end to end ─▶ decoder: messages
 */
import type { ZincError } from "../core/errors.ts"
import type { FrameBatch } from "../core/frame-batch.ts"
import type { Arena } from "./arena.ts"
import { type CommandSink, type DecoderLimits, FrameDecoder } from "./frame-decoder.ts"
import type { TrafficCipher } from "./mechanism/mechanism.ts"

export interface SealedReaderOptions {
  readonly cipher: TrafficCipher
  /** Of what is inside. */
  readonly limits: DecoderLimits
  readonly prefix: Uint8Array | undefined
  readonly arena: Arena
  /** Hears of commands that came covered. */
  readonly commands: CommandSink
}

export class SealedReader {
  readonly #cipher: TrafficCipher
  readonly #inner: FrameDecoder
  readonly #arena: Arena
  readonly #commands: CommandSink
  /** The run of bare frames not yet decoded: where it begins in the arena's piece, and its length. */
  #runStart = 0
  #runLength = 0

  constructor(options: SealedReaderOptions) {
    this.#cipher = options.cipher
    this.#arena = options.arena
    this.#commands = options.commands
    this.#inner = new FrameDecoder(options.limits)
    this.#inner.handshaking = false
    this.#inner.prefix = options.prefix
  }

  /**
   * Takes the body of a covered frame. Returns what the peer did wrong; what came before that is in the batch then, and
   * nothing more should be given.
   */
  open(buffer: Uint8Array, start: number, end: number, batch: FrameBatch): ZincError | undefined {
    const arena = this.#arena
    const need = Math.max(0, end - start) + this.#cipher.growth
    if (arena.bytes.length - arena.at < need) {
      const fault = this.flush(batch)
      if (fault !== undefined) return fault
      arena.reserve(need)
    }
    if (this.#runLength === 0) this.#runStart = arena.at
    const length = this.#cipher.open(buffer, start, end, arena.bytes, arena.at)
    if (typeof length !== "number") return this.flush(batch) ?? length
    arena.at += length
    this.#runLength += length
    return undefined
  }

  /** Decodes what has been opened; to be called at the end of each chunk, before the arena serves anyone else. */
  flush(batch: FrameBatch): ZincError | undefined {
    if (this.#runLength === 0) return undefined
    const from = this.#runStart
    const to = from + this.#runLength
    this.#runLength = 0
    return this.#inner.decode(this.#arena.bytes.subarray(0, to), from, batch, this.#commands)
  }

  /** Octets of memory that the unfinished message takes. */
  get heldBytes(): number {
    return this.#inner.heldBytes
  }

  stop(): void {
    this.#inner.stop()
  }
}

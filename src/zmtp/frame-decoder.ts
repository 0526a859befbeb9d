/**
 * Octets in, whole messages out. One pass over each chunk; a frame that lies whole in its chunk is not copied, and a
 * message that spans chunks is delivered when its last octet is there, never in part (F9).
 *
 * What a peer can make us hold is bounded by the limits, and memory grows with what has arrived, not with what a
 * header promises.
 */
import { copyOf, dirtyBytes, noBytes, readU32 } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"
import type { FrameBatch } from "../core/frame-batch.ts"
import type { Arena } from "./arena.ts"
import { Flag, longHeaderBytes, shortHeaderBytes } from "./frame.ts"

export interface DecoderLimits {
  /** Largest body of one frame. */
  readonly maxFrameBytes: number
  /** Largest sum of the bodies of one message. */
  readonly maxMessageBytes: number
  /** Most frames in one message. */
  readonly maxMessageFrames: number
  /** Largest body of a command; a subscription's topic is one. */
  readonly maxCommandBytes: number
}

export const defaultLimits: DecoderLimits = {
  maxFrameBytes: 64 * 1024 * 1024,
  maxMessageBytes: 64 * 1024 * 1024,
  maxMessageFrames: 16_384,
  maxCommandBytes: 64 * 1024,
}

/** Hears of commands while decoding; it may change the decoder or stop it. */
export interface CommandSink {
  /** The command is [start, end) of the buffer, valid during the call. */
  onCommand(buffer: Uint8Array, start: number, end: number): void
}

/** What a frame costs beside its octets while it waits for the rest of its message; for counting. */
const frameCost = 256

/** A body that spans chunks begins with at most this much memory and then grows fourfold as octets arrive. */
const firstBodyBytes = 256 * 1024

export class FrameDecoder {
  /** Treat every frame as a command: how it is until both READYs have come (libzmq accepts READY in a plain frame). */
  handshaking = true
  /** Chunks are lent: a batch may point into them, but what is held beyond the call is copied out of them. */
  lent = false
  /** Put before each message as a frame of its own: a router's identity of the peer. */
  prefix: Uint8Array | undefined
  #limits: DecoderLimits
  /** Messages of one frame up to this size need no further check. */
  #plainMax = 0
  #stopped = false
  #fault: ZincError | undefined

  // The message under way: whether it has begun, what it has cost, and its frames from earlier chunks.
  #inMessage = false
  #messageBytes = 0
  #messageFrames = 0
  #held: Uint8Array[] = []

  // The frame under way, when a chunk ended inside it.
  #left: Uint8Array = noBytes
  #flags = 0
  #size = 0
  #body: Uint8Array | undefined
  #have = 0

  constructor(limits: DecoderLimits) {
    this.#limits = limits
    this.limits = limits
  }

  set limits(limits: DecoderLimits) {
    this.#limits = limits
    this.#plainMax = Math.min(limits.maxFrameBytes, limits.maxMessageBytes)
  }

  /** Octets of memory that the unfinished message takes, by our reckoning. */
  get heldBytes(): number {
    if (this.#stopped) return 0
    const message = this.#inMessage ? this.#messageBytes + this.#messageFrames * frameCost : 0
    return message + (this.#body?.length ?? 0) + this.#left.length
  }

  /** Decodes nothing more; called from a sink that closes the connection. */
  stop(): void {
    this.#stopped = true
    this.#held = []
    this.#body = undefined
  }

  /**
   * Adds the messages that `chunk` completes, from `at` on, to `batch`, and tells commands to `sink` as they come.
   * Returns what the peer did wrong, after which nothing more is decoded.
   *
   * The batch points into the chunk; or, with an `arena`, into a copy there, for a chunk that will be overwritten and a
   * reader that may keep what it gets. With `more` the next chunk comes for the same batch while this one is still there,
   * and the frames of a message that is not whole may wait in the batch.
   */
  decode(
    chunk: Uint8Array,
    at: number,
    batch: FrameBatch,
    sink: CommandSink,
    arena?: Arena,
    more = false,
  ): ZincError | undefined {
    if (this.#stopped) return this.#fault
    const end = chunk.length
    if (this.#body !== undefined) at = this.#continueBody(chunk, at, batch, sink, arena)
    else if (this.#left.length > 0) at = this.#continueHeader(chunk, at, batch, sink, arena)

    // Frames are noted where they will be: octets from here on move by `shift`, all at once when it is known how many.
    const from = at
    arena?.reserve(end - from)
    const into = arena === undefined ? chunk : arena.bytes
    const shift = arena === undefined ? 0 : arena.at - from
    let taken = from
    while (at < end && !this.#stopped) {
      // The common case: a frame that is a whole message, is all here, and is not too long.
      if (!this.#inMessage && !this.handshaking) {
        const isShort = chunk[at] === 0 && at + 1 < end
        const start = at + (isShort ? shortHeaderBytes : longHeaderBytes)
        const size = isShort ? chunk[at + 1]! : longSize(chunk, at, end)
        const stop = start + size
        if (stop <= end && size <= this.#plainMax) {
          if (this.prefix !== undefined) batch.addFrame(this.prefix, 0, this.prefix.length)
          batch.addFrame(into, start + shift, stop + shift)
          batch.endMessage()
          taken = at = stop
          continue
        }
      }
      const header = this.#readHeader(chunk, at, end)
      if (header === 0) {
        this.#left = copyOf(chunk, at)
        break
      }
      at += header
      if (this.#stopped || !this.#admit()) break
      const stop = at + this.#size
      if (stop > end) {
        this.#beginBody(chunk, at)
        break
      }
      if (this.#isCommand) sink.onCommand(chunk, at, stop)
      else if (this.#held.length === 0) this.#take(into, at + shift, stop + shift, batch)
      else this.#takeNext(arena === undefined ? this.#kept(chunk, at, stop) : copyOf(chunk, at, stop), batch)
      taken = at = stop
    }
    if (arena !== undefined && taken > from) {
      arena.bytes.set(from === 0 && taken === end ? chunk : chunk.subarray(from, taken), arena.at)
      arena.at += taken - from
    }
    if (this.#inMessage && !more) this.#hold(batch)
    return this.#fault
  }

  /** The header at `at` into #flags and #size. Returns its length, or 0 when it is not all here. */
  #readHeader(bytes: Uint8Array, at: number, end: number): number {
    const available = end - at
    if (available < shortHeaderBytes) return 0
    const flags = bytes[at]!
    this.#flags = flags
    if ((flags & Flag.Long) === 0) {
      this.#size = bytes[at + 1]!
      if (flags === Flag.Command && this.#size === 0) return this.#readBrokenCommandHeader(bytes, at, available)
      return shortHeaderBytes
    }
    if (available < longHeaderBytes) return 0
    if (bytes[at + 1]! >= 0x80) {
      this.#fail("BadFrame", "a frame whose size has its top bit set")
      return longHeaderBytes
    }
    this.#size = readU32(bytes, at + 1) * 0x1_0000_0000 + readU32(bytes, at + 5)
    return longHeaderBytes
  }

  /**
   * libzmq 4.3.3 and 4.3.4 forget LONG on SUBSCRIBE and CANCEL of 256 to 265 octets but still write eight octets of
   * size (S5). `04 00` is never legal otherwise, so it is read as such a header where the size fits, and as an empty
   * command, which is ignored, where not.
   */
  #readBrokenCommandHeader(bytes: Uint8Array, at: number, available: number): number {
    for (let i = 2; i < Math.min(7, available); i++) if (bytes[at + i] !== 0) return shortHeaderBytes
    if (available > 7 && bytes[at + 7] !== 1) return shortHeaderBytes
    if (available < longHeaderBytes) return 0
    if (bytes[at + 8]! > 9) return shortHeaderBytes
    this.#size = 256 + bytes[at + 8]!
    return longHeaderBytes
  }

  /** The chunk ends within a body: keeps what is here of it. */
  #beginBody(chunk: Uint8Array, at: number): void {
    const here = chunk.length - at
    if (here === 0) {
      // Who sends long frames by reference gives them as chunks of their own.
      this.#body = noBytes
      this.#have = 0
      return
    }
    this.#body = dirtyBytes(Math.min(this.#size, Math.max(firstBodyBytes, here)))
    this.#body.set(chunk.subarray(at))
    this.#have = here
  }

  #continueBody(chunk: Uint8Array, at: number, batch: FrameBatch, sink: CommandSink, arena?: Arena): number {
    let body = this.#body!
    const stop = Math.min(chunk.length, at + this.#size - this.#have)
    const need = this.#have + stop - at
    if (this.#have === 0 && need === this.#size && arena === undefined && !this.#isCommand) {
      this.#body = undefined
      if (this.#held.length === 0) this.#take(chunk, at, stop, batch)
      else this.#takeNext(this.#kept(chunk, at, stop), batch)
      return stop
    }
    if (need > body.length) {
      const grown = dirtyBytes(Math.min(this.#size, Math.max(need, body.length * 4, firstBodyBytes)))
      grown.set(body.subarray(0, this.#have))
      this.#body = body = grown
    }
    body.set(at === 0 && stop === chunk.length ? chunk : chunk.subarray(at, stop), this.#have)
    this.#have = need
    if (need === this.#size) {
      this.#body = undefined
      if (this.#isCommand) sink.onCommand(body, 0, need)
      else if (this.#held.length === 0) this.#take(body, 0, need, batch)
      else this.#takeNext(body.subarray(0, need), batch)
    }
    return stop
  }

  /** A header that began in an earlier chunk. */
  #continueHeader(chunk: Uint8Array, at: number, batch: FrameBatch, sink: CommandSink, arena?: Arena): number {
    const left = this.#left
    const taken = Math.min(longHeaderBytes - left.length, chunk.length - at)
    const joined = new Uint8Array(left.length + taken)
    joined.set(left)
    joined.set(chunk.subarray(at, at + taken), left.length)
    const header = this.#readHeader(joined, 0, joined.length)
    if (header === 0) {
      this.#left = joined
      return chunk.length
    }
    this.#left = noBytes
    if (header < left.length) {
      // A broken-command guess that came to nothing: what was looked at belongs to the frames after it.
      sink.onCommand(joined, 0, 0)
      const rest = new Uint8Array(left.length - header + chunk.length - at)
      rest.set(left.subarray(header))
      rest.set(chunk.subarray(at), left.length - header)
      this.decode(rest, 0, batch, sink)
      return chunk.length
    }
    const bodyAt = at + header - left.length
    if (this.#stopped || !this.#admit()) return chunk.length
    this.#body = noBytes
    this.#have = 0
    return this.#continueBody(chunk, bodyAt, batch, sink, arena)
  }

  get #isCommand(): boolean {
    return this.handshaking || (this.#flags & Flag.Command) !== 0
  }

  /** Whether the frame of #flags and #size is within the limits, said before any of its body is kept. */
  #admit(): boolean {
    const size = this.#size
    const limits = this.#limits
    if (this.#isCommand) {
      if (size <= limits.maxCommandBytes) return true
      return this.#fail("TooLarge", `a command of ${size} octets; at most ${limits.maxCommandBytes} are accepted`)
    }
    if (size > limits.maxFrameBytes) {
      return this.#fail("TooLarge", `a frame of ${size} octets; at most ${limits.maxFrameBytes} are accepted`)
    }
    if (this.#messageBytes + size > limits.maxMessageBytes) {
      return this.#fail("TooLarge", `a message of more than ${limits.maxMessageBytes} octets`)
    }
    if (this.#messageFrames >= limits.maxMessageFrames) {
      return this.#fail("TooLarge", `a message of more than ${limits.maxMessageFrames} frames`)
    }
    return true
  }

  /** A whole frame of a message. */
  #take(buffer: Uint8Array, start: number, end: number, batch: FrameBatch): void {
    if (!this.#inMessage && this.prefix !== undefined) batch.addFrame(this.prefix, 0, this.prefix.length)
    batch.addFrame(buffer, start, end)
    if (!this.#continues(end - start)) batch.endMessage()
  }

  /** A whole frame of a message that began in an earlier chunk. Its frames wait aside, so that each is moved only once. */
  #takeNext(frame: Uint8Array, batch: FrameBatch): void {
    this.#held.push(frame)
    if (this.#continues(frame.length)) return
    for (const each of this.#held) batch.addFrame(each, 0, each.length)
    this.#held = []
    batch.endMessage()
  }

  /** Counts a frame of #flags. Whether the message goes on after it. */
  #continues(bytes: number): boolean {
    this.#inMessage = (this.#flags & Flag.More) !== 0
    this.#messageBytes = this.#inMessage ? this.#messageBytes + bytes : 0
    this.#messageFrames = this.#inMessage ? this.#messageFrames + 1 : 0
    return this.#inMessage
  }

  /** Takes the frames of an unfinished message out of the batch, until the rest comes. */
  #hold(batch: FrameBatch): void {
    const from = batch.first[batch.count]!
    for (let i = from; i < batch.frames; i++) {
      this.#held.push(this.#kept(batch.buffers[i]!, batch.starts[i]!, batch.ends[i]!))
      batch.buffers[i] = noBytes
    }
    batch.frames = from
  }

  /** What is held must not pin much more memory than it has: a small part of a chunk is copied out of it. */
  #kept(buffer: Uint8Array, start: number, end: number): Uint8Array {
    return this.lent || (end - start) * 2 < buffer.length ? copyOf(buffer, start, end) : buffer.subarray(start, end)
  }

  #fail(code: "BadFrame" | "TooLarge", what: string): false {
    this.#fault = new ZincError(code, `the peer sent ${what}`)
    this.stop()
    return false
  }
}

/** The size of a LONG frame of data that ends a message and is below 4 GiB; infinite for anything else at `at`. */
function longSize(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== Flag.Long || at + longHeaderBytes > end || readU32(bytes, at + 1) !== 0) {
    return Number.POSITIVE_INFINITY
  }
  return readU32(bytes, at + 5)
}

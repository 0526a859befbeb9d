/**
 * Octets of a WebSocket connection in, octets of ZMTP out: each binary message is one frame (ZWS 2.0, rfc:45), which the
 * engine's decoder then reads as it reads tcp. A body passes through as it arrives, with no message held here; what a
 * peer can make us hold is a frame's header, a control frame, and, when it sends a message in fragments, that message up
 * to a limit.
 *
 *   WebSocket: head 2…14 | flag | body          ZMTP: flags | size 1 or 8 | body
 */
import { noBytes, readU32 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import type { Arena } from "../arena.ts"
import { Flag, longHeaderBytes, writeHeader } from "../frame.ts"
import { applyMask } from "./mask.ts"
import { controlMax, Opcode, ZwsFlag } from "./opcode.ts"

/** From this many octets on, copying first and unmasking then is cheaper than both at once. */
const copiedFrom = 128

export interface WebSocketReaderOptions {
  /** Whether frames must be masked, as those of clients are, or must not. */
  readonly masked: boolean
  /** Largest message taken in fragments. */
  readonly maxFragmentedBytes: number
  /** Where what was read is put. */
  readonly arena: Arena
}

export interface WebSocketSink {
  /** Octets of ZMTP, in order. They lie in the arena, unless they are the message's own memory: `own`. */
  onFrames(bytes: Uint8Array, own: boolean): void
  /** The first message, of those connections where that is no frame: a name, or nothing. True: it was none; go on with it as a frame. */
  onFirst(flag: number, body: Uint8Array): boolean
  onPing(payload: Uint8Array): void
  onPong(): void
  /** The peer ends the connection; nothing follows. */
  onPeerClose(): void
}

/** Most octets of a first message that is a name. */
const firstMax = 256

export class WebSocketReader {
  /** The first message is told, not passed on. */
  expectsFirst = false
  readonly #options: WebSocketReaderOptions
  readonly #sink: WebSocketSink
  #stopped = false
  #fault: ZincError | undefined

  // The head under way.
  readonly #head = new Uint8Array(14)
  #have = 0

  // The frame under way.
  #opcode: number = Opcode.Binary
  #final = true
  #left = 0
  #inPayload = false
  readonly #mask = new Uint8Array(4)
  /** How far into the mask the next octet is. */
  #phase = 0
  /** Its payload is gathered, rather than passed on. */
  #gathers = false
  readonly #control = new Gathering(controlMax)
  /** The flag octet has not come yet. */
  #wantsFlag = false

  /** A message in fragments is under way. */
  #inFragments = false
  readonly #message: Gathering
  #fragmentBytes = 0

  /** Where what the arena has for the sink begins. */
  #runStart = 0

  constructor(options: WebSocketReaderOptions, sink: WebSocketSink) {
    this.#options = options
    this.#sink = sink
    this.#message = new Gathering(Math.max(options.maxFragmentedBytes, firstMax * 256))
  }

  /** Octets of memory that hold a message in fragments, or a first message, that is not whole. */
  get heldBytes(): number {
    return this.#message.bytes.length
  }

  /** Reads nothing more. */
  stop(): void {
    this.#stopped = true
    this.#control.take()
    this.#message.take()
  }

  /** Takes a chunk, which may be overwritten afterwards. Returns what the peer did wrong, after which nothing is read. */
  read(chunk: Uint8Array): ZincError | undefined {
    if (this.#stopped) return this.#fault
    const { arena } = this.#options
    // A long ZMTP head is at most six octets longer than what it replaces, and comes with at least 256.
    arena.reserve(chunk.length + (chunk.length >>> 5) + 2 * longHeaderBytes)
    this.#runStart = arena.at
    let at = 0
    while (at < chunk.length && !this.#stopped) {
      at = this.#inPayload ? this.#readPayload(chunk, at) : this.#readHead(chunk, at)
    }
    this.#flush()
    return this.#fault
  }

  #readHead(chunk: Uint8Array, at: number): number {
    const head = this.#head
    let have = this.#have
    let need = have < 2 ? 2 : headBytes(head)
    while (have < need && at < chunk.length) {
      head[have++] = chunk[at++]!
      if (have === 2) need = headBytes(head)
    }
    this.#have = have
    if (have === need) this.#begin(need)
    return at
  }

  #begin(length: number): void {
    const head = this.#head
    this.#have = 0
    const masked = head[1]! >= 0x80
    const short = head[1]! & 0x7f
    const rest = length - (masked ? 4 : 0)
    this.#opcode = head[0]! & 0x0f
    this.#final = head[0]! >= 0x80
    if ((head[0]! & 0x70) !== 0) {
      this.#fail("a frame with reserved bits set")
      return
    }
    if (masked !== this.#options.masked) {
      this.#fail(masked ? "a masked frame" : "a frame without a mask")
      return
    }
    let size = short
    if (short === 126) size = head[2]! * 256 + head[3]!
    else if (short === 127) {
      if (head[2]! >= 0x20) {
        this.#fail("a frame beyond all sizes")
        return
      }
      size = readU32(head, 2) * 0x1_0000_0000 + readU32(head, 6)
    }
    if (masked) for (let i = 0; i < 4; i++) this.#mask[i] = head[rest + i]!
    else this.#mask.fill(0)
    this.#phase = 0
    this.#left = size
    this.#wantsFlag = false
    if (this.#opcode >= 8) this.#beginControl(size)
    else this.#beginData(size)
    if (this.#stopped) return
    this.#inPayload = true
    if (size === 0) this.#end()
  }

  #beginControl(size: number): void {
    if (!this.#final) {
      this.#fail("a control frame in fragments")
      return
    }
    if (size > controlMax) {
      this.#fail("a control frame that is too long")
      return
    }
    if (this.#opcode > Opcode.Pong) {
      this.#fail("a frame of an unknown kind")
      return
    }
    this.#gathers = true
  }

  #beginData(size: number): void {
    if (this.#opcode === Opcode.Text) {
      this.#fail("text, which no frame of ZWS is")
      return
    }
    if (this.#opcode > Opcode.Binary) {
      this.#fail("a frame of an unknown kind")
      return
    }
    if ((this.#opcode === Opcode.Continuation) !== this.#inFragments) {
      this.#fail("fragments out of order")
      return
    }
    if (this.#inFragments || !this.#final) {
      this.#inFragments = true
      this.#fragmentBytes += size
      if (this.#fragmentBytes > this.#options.maxFragmentedBytes) {
        this.#fail("too long a message in fragments")
        return
      }
      this.#gathers = true
      return
    }
    if (size === 0) {
      this.#fail("a message without a flag")
      return
    }
    this.#gathers = this.expectsFirst
    if (this.expectsFirst && size > firstMax * 256) {
      this.#fail("too long a first message")
      return
    }
    this.#wantsFlag = !this.#gathers
  }

  #readPayload(chunk: Uint8Array, at: number): number {
    if (this.#wantsFlag) {
      this.#writeHead(chunk[at]! ^ this.#mask[0]!, this.#left - 1)
      this.#wantsFlag = false
      this.#phase = 1
      this.#left--
      at++
      if (this.#left === 0) this.#end()
      return at
    }
    const stop = Math.min(chunk.length, at + this.#left)
    this.#left -= stop - at
    if (this.#gathers) {
      const into = this.#opcode >= 8 ? this.#control : this.#message
      const to = into.grow(stop - at)
      this.#unmask(chunk, at, into.bytes, to, stop - at)
    } else {
      const { arena } = this.#options
      this.#unmask(chunk, at, arena.bytes, arena.at, stop - at)
      arena.at += stop - at
    }
    if (this.#left === 0) this.#end()
    return stop
  }

  /** The payload is whole. */
  #end(): void {
    this.#inPayload = false
    if (!this.#gathers) return
    if (this.#opcode >= 8) {
      const payload = this.#control.take()
      if (this.#opcode === Opcode.Ping) this.#sink.onPing(payload)
      else if (this.#opcode === Opcode.Pong) this.#sink.onPong()
      else {
        this.#flush()
        this.stop()
        this.#sink.onPeerClose()
      }
      return
    }
    if (this.#inFragments && !this.#final) return
    this.#fragmentBytes = 0
    this.#inFragments = false
    this.#take(this.#message.take())
  }

  /** A message that was gathered. */
  #take(message: Uint8Array): void {
    if (message.length === 0) {
      this.#fail("a message without a flag")
      return
    }
    const flag = message[0]!
    const body = message.subarray(1)
    if (this.expectsFirst) {
      this.expectsFirst = false
      this.#flush()
      if (!this.#sink.onFirst(flag, body)) return
    }
    this.#writeHead(flag, body.length)
    this.#flush()
    if (!this.#stopped && body.length > 0) this.#sink.onFrames(body, true)
  }

  #writeHead(flag: number, size: number): void {
    if (flag > ZwsFlag.Command) {
      this.#fail("a message with an unknown flag")
      return
    }
    const { arena } = this.#options
    const flags = flag === ZwsFlag.Command ? Flag.Command : flag === ZwsFlag.More ? Flag.More : 0
    arena.at = writeHeader(arena.bytes, arena.at, flags, size)
  }

  #flush(): void {
    const { arena } = this.#options
    if (arena.at === this.#runStart) return
    const run = arena.bytes.subarray(this.#runStart, arena.at)
    this.#runStart = arena.at
    if (!this.#stopped) this.#sink.onFrames(run, false)
  }

  /** Copies, taking the mask off; `from` and `into` may be the same. */
  #unmask(from: Uint8Array, at: number, into: Uint8Array, to: number, size: number): void {
    const { masked } = this.#options
    const phase = this.#phase
    const mask = this.#mask
    if (masked && size < copiedFrom) {
      for (let i = 0; i < size; i++) into[to + i] = from[at + i]! ^ mask[(phase + i) & 3]!
    } else {
      if (from !== into) into.set(from.subarray(at, at + size), to)
      if (masked) applyMask(into, to, to + size, mask, phase)
    }
    this.#phase = (phase + size) & 3
  }

  #fail(what: string): void {
    this.#flush()
    this.#fault = new ZincError("BadFrame", `the peer sent ${what}`)
    this.stop()
  }
}

/** Octets put together from pieces, however small, in memory that grows with what has come. */
class Gathering {
  bytes: Uint8Array = noBytes
  #used = 0
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  /** Makes room for more; where it begins. */
  grow(bytes: number): number {
    const at = this.#used
    this.#used += bytes
    if (this.#used > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.#used, Math.min(this.#max, this.bytes.length * 2)))
      grown.set(this.bytes.subarray(0, at))
      this.bytes = grown
    }
    return at
  }

  /** All of it; and begins anew. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.#used)
    this.bytes = noBytes
    this.#used = 0
    return taken
  }
}

/** Octets of a head whose first two are there. */
function headBytes(head: Uint8Array): number {
  const short = head[1]! & 0x7f
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (head[1]! >= 0x80 ? 4 : 0)
}

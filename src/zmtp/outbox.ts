/**
 * What one connection has to send. Messages are encoded as they are sent: short frames are copied into a slab, long
 * ones are kept by reference. Everything sent in one turn leaves in one write; while the operating system is busy,
 * messages wait here, up to the limits, and never in part.
 *
 *   slab  …[m1 m2 m3 head4][m5…        chunks of one batch: slab[m1..head4] · body4 · slab[m5…]
 *
 * An outbox outlives its connection where the socket wants that (a dialled PUSH keeps its queue): `detach` drops only
 * what had already been handed over.
 */
import { concat } from "../core/bytes.ts"
import type { Flusher } from "./flusher.ts"
import { copyInto, Flag, frameBytes, longHeaderBytes, shortBodyMax, shortHeaderBytes, writeHeader } from "./frame.ts"
import { largeSlabBytes, type Slab, type SlabPool, smallSlabBytes } from "./slab.ts"

/** Where octets go: a carrier's stream. */
export interface ByteSink {
  /** True: all of it has been taken by the system. False: the chunks must stay unchanged until told of a drain. */
  write(chunks: readonly Uint8Array[]): boolean
}

/** Most that may wait; 0 for no limit. */
export interface OutboxLimits {
  readonly messages: number
  readonly bytes: number
}

export interface OutboxOptions {
  readonly limits: OutboxLimits
  readonly slabs: SlabPool
  readonly flusher: Flusher
  /** Keep only the newest message: one that is sent takes the place of what waits (Q4). Default false. */
  readonly conflate?: boolean
  /** It had refused a message and has since fallen to half its limits. Never called from inside a send. */
  onRoom?(): void
  /** Everything has been taken by the system. Never called from inside a send. */
  onEmpty?(): void
}

/**
 * Frames of at least this many octets are sent by reference. Measured: at 4 KiB a copy costs three quarters of a
 * reference, at 8 KiB nearly twice as much.
 */
export const referenceBytes: number = 6 * 1024

/**
 * A batch is handed over once it holds this much. More than a slab, since frames kept by reference fill none: a dozen
 * of 64 KiB in one write cost the system a third less than one at a time (measured).
 */
const batchBytes = 8 * largeSlabBytes

/** From this many slabs on, a batch of a busy connection that has little of each is copied out of them. */
const pinnedMax = 4

/** Of a busy connection what waits is told to its account after so many octets more, so that a message costs nothing. */
const tellBytes = 16 * 1024

/** Somebody who keeps messages for many outboxes aside, and adds them to each when one of them is looked at. */
export interface Follower {
  settle(): void
}

/** Commands that overtake messages. */
export type Urgent = "PING" | "PONG"

/** Whole messages that will be handed over together. */
interface Batch {
  readonly chunks: Uint8Array[]
  readonly slabs: Slab[]
  readonly messages: number
  readonly bytes: number
}

export class Outbox {
  readonly #slabs: SlabPool
  readonly #flusher: Flusher
  #maxMessages: number
  #maxBytes: number
  readonly #conflate: boolean
  readonly onRoom: (() => void) | undefined
  readonly #onEmpty: (() => void) | undefined

  #sink: ByteSink | undefined
  /** Hears what waits for a busy connection. */
  #account: { sent: number } | undefined
  #told = 0
  /** Nothing can be handed over now: no connection, or the system still has the last batch. */
  #blocked = true
  #refused = false
  /** The flusher knows of us. */
  #scheduled = false

  /** Batches that wait behind a busy system. */
  #ready: Batch[] = []
  #readyMessages = 0
  #readyBytes = 0

  // The batch that is being filled. Its last stretch of slab is not yet a chunk, so that it can grow.
  #chunks: Uint8Array[] = []
  #held: Slab[] = []
  #messages = 0
  #bytes = 0
  #tail: Slab | undefined
  #tailStart = 0
  #tailEnd = 0

  /** The slab that our own messages go to. */
  #own: Slab | undefined
  #wantsLarge = false

  /** Whoever has messages for us that are not here yet: a publisher in the midst of a run (`addRun`). */
  follower: Follower | undefined

  readonly #urgent = new Map<Urgent, Uint8Array>()

  // What the system has and has not yet fully taken.
  #inFlight: Slab[] | undefined
  #inFlightMessages = 0
  #inFlightBytes = 0

  constructor(options: OutboxOptions) {
    this.#maxMessages = options.limits.messages || Number.POSITIVE_INFINITY
    this.#maxBytes = options.limits.bytes || Number.POSITIVE_INFINITY
    this.#conflate = options.conflate ?? false
    this.#slabs = options.slabs
    this.#flusher = options.flusher
    this.onRoom = options.onRoom
    this.#onEmpty = options.onEmpty
  }

  /** Other limits from now on; what waits already stays. */
  set limits(limits: OutboxLimits) {
    this.follower?.settle()
    this.#maxMessages = limits.messages || Number.POSITIVE_INFINITY
    this.#maxBytes = limits.bytes || Number.POSITIVE_INFINITY
    this.#tellRoom()
  }

  /** Whole messages not yet fully taken by the system. */
  get messages(): number {
    this.follower?.settle()
    return this.#messages + this.#readyMessages + this.#inFlightMessages
  }
  /** Octets of those. */
  get bytes(): number {
    this.follower?.settle()
    return this.#heldBytes
  }
  /** Without what a follower still has for us. */
  get #heldBytes(): number {
    return this.#bytes + this.#readyBytes + this.#inFlightBytes
  }
  get isEmpty(): boolean {
    this.follower?.settle()
    return this.#messages === 0 && this.#inFlight === undefined && this.#bytes === 0 && this.#ready.length === 0
  }
  /** Whether a message would be taken now. */
  get hasRoom(): boolean {
    this.follower?.settle()
    return !this.#blocked || !this.#isFull()
  }
  /** How many messages of a run may come before anything must be asked or handed over; 0 where each is to be sent by itself. */
  get runMessages(): number {
    if (this.#conflate) return 0
    const held = this.#blocked ? this.#messages + this.#readyMessages + this.#inFlightMessages : this.#messages
    return this.#maxMessages - held
  }
  /** The same in octets. */
  get runBytes(): number {
    if (this.#blocked) return this.#maxBytes - this.#heldBytes
    return batchBytes - this.#bytes
  }

  /** The system has not yet taken all it was given. */
  get isBusy(): boolean {
    return this.#inFlight !== undefined
  }

  /** Begins handing over. `busy` when the sink still has something of the handshake. */
  attach(sink: ByteSink, busy: boolean, account?: { sent: number }): void {
    this.#sink = sink
    this.#account = account
    this.#blocked = busy
    if (busy) this.#inFlight = []
    else this.#schedule()
  }

  /** The connection is gone, and with it what it was given; what still waits here is kept. */
  detach(): void {
    this.#sink = undefined
    this.#account = undefined
    this.#told = 0
    this.#blocked = true
    this.#urgent.clear()
    this.#landed()
    if (this.isEmpty) this.#rest()
  }

  /** Drops everything that waits and has not been handed over. The number of messages dropped. */
  clear(): number {
    this.follower?.settle()
    const dropped = this.#messages + this.#readyMessages
    for (const batch of this.#ready) this.#releaseAll(batch.slabs)
    this.#ready = []
    this.#readyMessages = 0
    this.#readyBytes = 0
    this.#tail = undefined
    this.#releaseAll(this.#held)
    this.#chunks = []
    this.#held = []
    this.#messages = 0
    this.#bytes = 0
    this.#rest()
    this.#tellAccount()
    this.#tellRoom()
    return dropped
  }

  /** Takes a message, or refuses it when full. Of the frames, those of `referenceBytes` and more are kept as they are. */
  send(frames: readonly Uint8Array[]): boolean {
    this.follower?.settle()
    if (this.#conflate) this.supersede()
    if (this.#blocked && this.#isFull()) {
      this.#refused = true
      return false
    }
    if (frames.length === 1) {
      const frame = frames[0]!
      const size = frame.length
      if (size < referenceBytes) {
        const slab = this.#room(size + longHeaderBytes)
        const start = slab.used
        const bytes = slab.bytes
        let body = start + shortHeaderBytes
        if (size <= shortBodyMax) {
          bytes[start] = 0
          bytes[start + 1] = size
        } else body = writeHeader(bytes, start, 0, size)
        copyInto(bytes, body, frame, size)
        this.#grow(slab, start, body + size)
        this.endMessage()
        return true
      }
    }
    this.#encode(frames)
    this.endMessage()
    return true
  }

  /** Takes a frame that is already encoded, such as a command, whatever the limits say. */
  sendEncoded(frame: Uint8Array): void {
    this.follower?.settle()
    if (frame.length < referenceBytes) {
      const slab = this.#room(frame.length)
      const start = slab.used
      slab.bytes.set(frame, start)
      this.#grow(slab, start, start + frame.length)
    } else this.#reference(frame)
    this.#schedule()
  }

  /** Takes octets as they are, for a connection without frames. They are kept by reference when long. */
  sendRaw(octets: Uint8Array): boolean {
    if (this.#blocked && this.#isFull()) {
      this.#refused = true
      return false
    }
    this.sendEncoded(octets)
    this.endMessage()
    return true
  }

  /**
   * Takes an encoded command that must not wait behind messages: it leaves as soon as the system takes anything. Of
   * each kind only the newest waits, so that a peer that does not read costs nothing.
   */
  sendUrgent(kind: Urgent, frame: Uint8Array): void {
    if (!this.#blocked && !this.#conflate) this.sendEncoded(frame)
    else if (this.#sink !== undefined) {
      this.#urgent.set(kind, frame)
      if (!this.#blocked) this.#schedule()
    }
  }

  /** Takes a message that a publisher encoded, whole, as octets [start, end) of its slab. */
  sendMessage(slab: Slab, start: number, end: number): boolean {
    this.follower?.settle()
    if (this.#conflate) this.supersede()
    if (this.#blocked && this.#isFull()) {
      this.#refused = true
      return false
    }
    this.addStretch(slab, start, end)
    this.endMessage()
    return true
  }

  /** Notes that a message was not sent because there is no room, so that `onRoom` will say when there is. */
  refuse(): void {
    this.#refused = true
  }

  /** Where only the newest message is kept: makes way for the next one. */
  supersede(): void {
    if (this.#conflate && this.#messages + this.#readyMessages > 0) this.clear()
  }

  /**
   * A message of a publisher in several pieces: add them in order, then end it. Room is not checked. Next to the last
   * stretch of the same slab, another only makes it longer.
   */
  addStretch(slab: Slab, start: number, end: number): void {
    if (this.#tail === slab && this.#tailEnd === start) {
      this.#tailEnd = end
      this.#bytes += end - start
    } else this.#begin(slab, start, end)
  }
  addReference(bytes: Uint8Array): void {
    this.#reference(bytes)
  }
  endMessage(): void {
    this.#endMessages(1)
  }

  /**
   * Several messages of a publisher at once, that follow each other in its slab; no more than `runMessages` and `runBytes`
   * allowed when the run began. Ends what the publisher kept aside for us.
   */
  addRun(slab: Slab, start: number, end: number, messages: number): void {
    this.follower = undefined
    this.addStretch(slab, start, end)
    this.#endMessages(messages)
  }

  #endMessages(count: number): void {
    this.#messages += count
    if (this.#blocked) {
      if (this.#bytes >= batchBytes) this.#close()
      if (this.#account !== undefined && this.#heldBytes - this.#told >= tellBytes) this.#tellAccount()
    } else if (this.#bytes >= batchBytes || this.#messages >= this.#maxMessages) this.#pump()
    if (!this.#scheduled) this.#schedule()
  }

  /** Hands over what it may. */
  flush(): void {
    this.follower?.settle()
    this.#scheduled = false
    if (this.#blocked) return
    this.#pump()
    this.#tellRoom()
    if (!this.#blocked) this.#rest()
  }

  /** The system has taken all it was given. */
  onDrain(): void {
    if (this.#sink === undefined) return
    this.#landed()
    this.#blocked = false
    this.#pump()
    this.#tellRoom()
    if (!this.#blocked) this.#rest()
    if (this.isEmpty) this.#onEmpty?.()
  }

  // ---- encoding ----

  #encode(frames: readonly Uint8Array[]): void {
    const last = frames.length - 1
    for (let i = 0; i <= last; i++) {
      const frame = frames[i]!
      const size = frame.length
      const flags = i < last ? Flag.More : 0
      if (size < referenceBytes) {
        // Only the first frame may make room by handing over: what was handed over must be whole messages.
        const slab = i === 0 ? this.#room(frameBytes(size)) : this.#roomWithin(frameBytes(size))
        const start = slab.used
        const body = writeHeader(slab.bytes, start, flags, size)
        copyInto(slab.bytes, body, frame, size)
        this.#grow(slab, start, body + size)
      } else {
        const slab = i === 0 ? this.#room(longHeaderBytes) : this.#roomWithin(longHeaderBytes)
        const start = slab.used
        this.#grow(slab, start, writeHeader(slab.bytes, start, flags, size))
        this.#reference(frame)
      }
    }
  }

  /** Our slab, with room for `bytes` more; between messages. */
  #room(bytes: number): Slab {
    const own = this.#own
    if (own !== undefined && own.used + bytes <= own.bytes.length) return own
    if (own !== undefined && !this.#blocked && own.bytes.length === largeSlabBytes) {
      this.#pump()
      if (this.#own !== undefined && this.#own.used + bytes <= largeSlabBytes) return this.#own
    }
    return this.#roomWithin(bytes)
  }

  /** Our slab, with room for `bytes` more; inside a message. */
  #roomWithin(bytes: number): Slab {
    const own = this.#own
    if (own !== undefined) {
      if (own.used + bytes <= own.bytes.length) return own
      this.#wantsLarge = true
      this.#slabs.release(own)
    }
    this.#own = this.#slabs.take(this.#wantsLarge || bytes > smallSlabBytes)
    return this.#own
  }

  /** Octets [start, end) were written to our slab. */
  #grow(slab: Slab, start: number, end: number): void {
    slab.used = end
    this.addStretch(slab, start, end)
  }

  #begin(slab: Slab, start: number, end: number): void {
    this.#seal()
    const held = this.#held
    if (held[held.length - 1] !== slab) {
      if (this.#blocked && held.length >= pinnedMax && this.#bytes * 4 < held.length * largeSlabBytes) this.#compact()
      slab.holds++
      this.#held.push(slab)
    }
    this.#tail = slab
    this.#tailStart = start
    this.#tailEnd = end
    this.#bytes += end - start
  }

  #reference(bytes: Uint8Array): void {
    this.#seal()
    this.#chunks.push(bytes)
    this.#bytes += bytes.length
  }

  /** Moves what waits here out of its slabs, so that a stuck connection does not keep many for a few octets of each. */
  #compact(): void {
    const slabs = new Set(this.#held.map(slab => slab.bytes.buffer))
    const chunks: Uint8Array[] = []
    let run: Uint8Array[] = []
    for (const chunk of this.#chunks) {
      if (slabs.has(chunk.buffer)) run.push(chunk)
      else {
        if (run.length > 0) chunks.push(concat(run))
        chunks.push(chunk)
        run = []
      }
    }
    if (run.length > 0) chunks.push(concat(run))
    this.#releaseAll(this.#held)
    this.#chunks = chunks
    this.#held = []
  }

  /** Makes a chunk of the last stretch. */
  #seal(): void {
    const tail = this.#tail
    if (tail === undefined) return
    this.#chunks.push(tail.bytes.subarray(this.#tailStart, this.#tailEnd))
    this.#tail = undefined
  }

  // ---- handing over ----

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#flusher.add(this)
  }

  /** Puts the batch aside, whole, behind those that wait. */
  #close(): void {
    this.#seal()
    this.#ready.push({ chunks: this.#chunks, slabs: this.#held, messages: this.#messages, bytes: this.#bytes })
    this.#readyMessages += this.#messages
    this.#readyBytes += this.#bytes
    this.#chunks = []
    this.#held = []
    this.#messages = 0
    this.#bytes = 0
  }

  /** Hands over batch after batch until the system is busy or nothing is left. */
  #pump(): void {
    if (this.#urgent.size > 0) {
      const frames = [...this.#urgent.values()]
      this.#urgent.clear()
      if (!this.#handOver(frames, [], 0, 0)) return
    }
    while (this.#ready.length > 0) {
      const batch = this.#ready.shift()!
      this.#readyMessages -= batch.messages
      this.#readyBytes -= batch.bytes
      if (!this.#handOver(batch.chunks, batch.slabs, batch.messages, batch.bytes)) return
    }
    this.#seal()
    if (this.#chunks.length === 0) return
    const chunks = this.#chunks
    const slabs = this.#held
    const messages = this.#messages
    const bytes = this.#bytes
    this.#messages = 0
    this.#bytes = 0
    if (this.#handOver(chunks, slabs, messages, bytes)) {
      // Taken at once: the arrays serve again, and so does our slab, from its start.
      chunks.length = 0
      slabs.length = 0
      if (this.#own?.holds === 1) this.#own.used = 0
      this.#wantsLarge = bytes > smallSlabBytes / 2
    } else {
      this.#chunks = []
      this.#held = []
    }
  }

  #handOver(chunks: Uint8Array[], slabs: Slab[], messages: number, bytes: number): boolean {
    if (this.#sink!.write(chunks)) {
      this.#releaseAll(slabs)
      return true
    }
    this.#blocked = true
    this.#inFlight = slabs
    this.#inFlightMessages = messages
    this.#inFlightBytes = bytes
    this.#tellAccount()
    return false
  }

  #tellAccount(): void {
    if (this.#account === undefined) return
    this.#told = this.#heldBytes
    this.#account.sent = this.#told
  }

  /** What was handed over is no more needed. */
  #landed(): void {
    if (this.#inFlight === undefined) return
    this.#releaseAll(this.#inFlight)
    this.#inFlight = undefined
    this.#inFlightMessages = 0
    this.#inFlightBytes = 0
    this.#tellAccount()
    if (this.#own?.holds === 1) this.#own.used = 0
  }

  /** Idle: gives the slab back, so that a quiet connection holds none. */
  #rest(): void {
    if (this.#own === undefined || this.#own.holds > 1) return
    this.#slabs.release(this.#own)
    this.#own = undefined
  }

  #releaseAll(slabs: Slab[]): void {
    for (let i = 0; i < slabs.length; i++) this.#slabs.release(slabs[i]!)
  }

  // ---- limits ----

  #isFull(): boolean {
    return (
      this.#messages + this.#readyMessages + this.#inFlightMessages >= this.#maxMessages ||
      this.#heldBytes >= this.#maxBytes
    )
  }

  /** Tells of room when it was missed, in a while of its own, for a send or a clear may be under way. */
  #tellRoom(): void {
    if (!this.#refused || !this.#isHalf()) return
    this.#refused = false
    const { onRoom } = this
    if (onRoom !== undefined) this.#flusher.soon(onRoom)
  }

  #isHalf(): boolean {
    return this.messages <= this.#maxMessages / 2 && this.bytes <= this.#maxBytes / 2
  }
}

/**
 * Carries octets inside one process: `inproc://name`. Who shares a MemoryCarrier can reach each other. It behaves as a
 * network does, with writers told to wait while a reader does not read; but what is not short is not copied: the reader
 * is lent the writer's own memory, and the writer hears that it has drained when the reader has read it.
 */
import { concat, copyOf } from "../../core/bytes.ts"
import type { Clock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import { badAddress, parseAddress } from "../address.ts"
import type { ByteStream, ByteStreamHandler, Carrier, CarrierListener } from "../carrier.ts"

/** A write shorter than this is copied, so that who says little need not wait: as much as a copy costs less than waiting. */
const copiedBelow = 2 * 1024

/** Most octets that are on their way by copies; and most that arrive in spite of a writer that is gone. */
const bufferBytes = 512 * 1024

/** How often in one turn a reader reads what its writer had ready. */
const roundsMax = 8

export class MemoryCarrier implements Carrier {
  readonly schemes: readonly string[] = ["inproc"]
  readonly #clock: Clock
  readonly #listeners = new Map<string, (stream: ByteStream) => void>()
  #dialled = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether somebody listens there. */
  isBound(address: string): boolean {
    return this.#listeners.has(read(address))
  }

  async listen(address: string, onStream: (stream: ByteStream) => void): Promise<CarrierListener> {
    const name = read(address)
    if (this.#listeners.has(name)) {
      throw new ZincError("AddressInUse", `${address} is already in use in this process; choose another name`)
    }
    this.#listeners.set(name, onStream)
    return {
      address,
      close: async () => {
        if (this.#listeners.get(name) === onStream) this.#listeners.delete(name)
      },
    }
  }

  async dial(address: string, options: { readonly signal: AbortSignal }): Promise<ByteStream> {
    const name = read(address)
    if (options.signal.aborted) {
      throw new ZincError("Aborted", `dialling ${address} was aborted`, { cause: options.signal.reason })
    }
    const onStream = this.#listeners.get(name)
    if (onStream === undefined) {
      // As a machine's kernel says it of a port where nobody listens.
      const cause = Object.assign(new Error("connection refused"), { code: "ECONNREFUSED" })
      throw new ZincError("Unreachable", `nobody in this process listens at ${address}`, { retryable: true, cause })
    }
    const [near, far] = memoryPair(this.#clock, address, `${address}#${++this.#dialled}`)
    onStream(far)
    return near
  }
}

/** Two ends of one connection; each names the other as told. */
export function memoryPair(clock: Clock, nearRemote: string, farRemote: string): [ByteStream, ByteStream] {
  const near = new MemoryStream(clock, nearRemote)
  const far = new MemoryStream(clock, farRemote)
  near.peer = far
  far.peer = near
  return [near, far]
}

class MemoryStream implements ByteStream {
  readonly remote: string
  peer!: MemoryStream
  readonly #clock: Clock
  #handler: ByteStreamHandler | undefined
  #paused = false
  /** Octets that have arrived and are not yet read; some of them in memory of the writer's. */
  #inbox: Uint8Array[] = []
  #inboxBytes = 0
  /** We said false to our writer and owe it a drain. */
  #owesDrain = false
  #writable = true
  /** The peer will send no more. */
  #peerEnded = false
  #closed = false
  #scheduled = false

  constructor(clock: Clock, remote: string) {
    this.#clock = clock
    this.remote = remote
  }

  start(handler: ByteStreamHandler): void {
    this.#handler = handler
    this.#schedule()
  }

  get waiting(): number {
    return this.#owesDrain ? this.peer.#inboxBytes : 0
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (!this.#writable) return false
    let length = 0
    for (let i = 0; i < chunks.length; i++) length += chunks[i]!.length
    const { peer } = this
    if (length < copiedBelow && peer.#inboxBytes + length <= bufferBytes) {
      if (length > 0) peer.#arrive([concat(chunks)], length)
      return true
    }
    peer.#arrive(chunks, length)
    this.#owesDrain = true
    return false
  }

  pause(): void {
    this.#paused = true
  }
  resume(): void {
    this.#paused = false
    this.#schedule()
  }

  end(): void {
    if (!this.#writable) return
    this.#writable = false
    this.#paused = false
    this.peer.#peerEnded = true
    this.peer.#schedule()
    this.#schedule()
  }

  destroy(): void {
    if (this.#closed) return
    this.#writable = false
    this.#inbox = []
    this.#inboxBytes = 0
    this.#peerEnded = true
    this.peer.#orphan()
    this.#schedule()
  }

  /** The writer is gone, and its memory serves others: what the buffer has no place for never left there. */
  #orphan(): void {
    while (this.#inboxBytes > bufferBytes) this.#inboxBytes -= this.#inbox.pop()!.length
    this.#inbox = this.#inbox.map(chunk => copyOf(chunk))
    this.#peerEnded = true
    this.#schedule()
  }

  #arrive(chunks: readonly Uint8Array[], length: number): void {
    if (this.#closed) return
    for (let i = 0; i < chunks.length; i++) this.#inbox.push(chunks[i]!)
    this.#inboxBytes += length
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed || this.#handler === undefined) return
    this.#scheduled = true
    this.#clock.later(this.#deliver)
  }

  readonly #deliver = (): void => {
    this.#scheduled = false
    const handler = this.#handler!
    if (this.#closed) return
    for (let round = 0; round < roundsMax && this.#inbox.length > 0 && !this.#paused; round++) {
      this.#read(handler)
      // A writer with more to say says it now.
      if (this.#inbox.length === 0) this.peer.#drained()
    }
    if (this.#peerEnded && this.#inbox.length === 0 && !this.#closed) this.#close(handler)
    else if (this.#inbox.length > 0 && !this.#paused) this.#schedule()
  }

  /** Only what is here now: what the reader's answers bring is for another turn. After our own end it is dropped. */
  #read(handler: ByteStreamHandler): void {
    if (handler.onBorrowedRun !== undefined) {
      const chunks = this.#inbox
      this.#inbox = []
      this.#inboxBytes = 0
      if (this.#writable) handler.onBorrowedRun(chunks)
      return
    }
    for (let count = this.#inbox.length; count > 0 && !this.#paused && this.#inbox.length > 0; count--) {
      const chunk = this.#inbox.shift()!
      this.#inboxBytes -= chunk.length
      if (!this.#writable) continue
      if (handler.onBorrowed !== undefined) handler.onBorrowed(chunk)
      else handler.onBytes(copyOf(chunk))
    }
  }

  /** The peer has read everything. */
  #drained(): void {
    if (!this.#owesDrain) return
    this.#owesDrain = false
    if (this.#writable) this.#handler?.onDrain()
  }

  #close(handler: ByteStreamHandler): void {
    this.#closed = true
    // The other direction ends with this one, as an accepted socket's does.
    if (this.#writable) this.end()
    handler.onClose()
  }
}

function read(address: string): string {
  const { scheme, rest } = parseAddress(address)
  if (scheme !== "inproc") throw badAddress(address, "the memory carrier serves inproc://")
  return rest
}

/**
 * Carries octets inside one process: `inproc://name`. Who shares a MemoryCarrier can reach each other. It behaves as a
 * network does: octets are copied when written, arrive in a later turn, and wait in a buffer of limited size.
 */
import { dirtyBytes } from "../../core/bytes.ts"
import type { Clock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import { badAddress, parseAddress } from "../address.ts"
import type { ByteStream, ByteStreamHandler, Carrier, CarrierListener } from "../carrier.ts"

/** Octets on their way in one direction before the writer is told to wait. */
const bufferBytes = 512 * 1024

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
  /** Octets that have arrived and are not yet read. */
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
    for (const chunk of chunks) length += chunk.length
    const copy = dirtyBytes(length)
    let at = 0
    for (const chunk of chunks) {
      copy.set(chunk, at)
      at += chunk.length
    }
    if (length > 0) this.peer.#arrive(copy)
    if (this.peer.#inboxBytes < bufferBytes) return true
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
    // What the buffer had no place for never left here.
    while (this.peer.#inboxBytes > bufferBytes) this.peer.#inboxBytes -= this.peer.#inbox.pop()!.length
    this.peer.#peerEnded = true
    this.peer.#schedule()
    this.#schedule()
  }

  #arrive(chunk: Uint8Array): void {
    if (this.#closed) return
    this.#inbox.push(chunk)
    this.#inboxBytes += chunk.length
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
    if (this.#owesDrain && this.peer.#inboxBytes < bufferBytes / 2) {
      this.#owesDrain = false
      if (this.#writable) handler.onDrain()
    }
    // Only what is here now: what the reader's answers bring is for another turn.
    for (let count = this.#inbox.length; count > 0 && !this.#paused && this.#inbox.length > 0; count--) {
      const chunk = this.#inbox.shift()!
      this.#inboxBytes -= chunk.length
      // After our own end what still comes is dropped.
      if (this.#writable) handler.onBytes(chunk)
    }
    if (this.peer.#owesDrain && this.#inboxBytes < bufferBytes / 2) this.peer.#schedule()
    if (this.#peerEnded && this.#inbox.length === 0 && !this.#closed) this.#close(handler)
    else if (this.#inbox.length > 0 && !this.#paused) this.#schedule()
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

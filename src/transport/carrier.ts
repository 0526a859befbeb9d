/**
 * The lower seam: a carrier moves bytes under our ZMTP engine. It knows nothing of frames. Adapters: tcp, ipc, memory and
 * websocket. The conformance suite is `carrierSuite` in `zincmq/testing`.
 */

/** What a stream tells its reader. All calls come one after another, never from inside a call to the stream. */
export interface ByteStreamHandler {
  /** Bytes in order, as a plain Uint8Array. The chunk belongs to the reader: the carrier never writes to it again. */
  onBytes(chunk: Uint8Array): void
  /**
   * The same, of a carrier that reads everything into one place: the chunk is valid during the call only. Where a reader
   * has this, such a carrier calls it in place of `onBytes`, for which it would have to copy.
   */
  onBorrowed?(chunk: Uint8Array): void
  /** Several of those at once, in order: all are valid until the call returns. The array is the reader's. */
  onBorrowedRun?(chunks: readonly Uint8Array[]): void
  /** A write that had returned false is now wholly with the operating system. */
  onDrain(): void
  /** The stream is over, once. `error` is absent after an orderly end. Nothing follows. */
  onClose(error?: Error): void
}

/** One connection, open from birth. Bytes that arrive before `start` wait. */
export interface ByteStream {
  /** The far end, for people and logs. */
  readonly remote: string
  /** Begins delivery; called once. */
  start(handler: ByteStreamHandler): void
  /**
   * Takes the chunks in order. True: all of it is with the operating system already. False: some of it waits here and
   * `onDrain` will say when it has gone; more may still be written, the caller keeps its own limits. The carrier
   * keeps the chunks by reference until then, so they must not change. After close it takes nothing and returns false.
   */
  write(chunks: readonly Uint8Array[]): boolean
  /** Bytes that wait here, not yet with the operating system. */
  readonly waiting: number
  /** Octets of what came that it keeps to itself, where it does; then it calls `onBytes`, if with nothing, when they change. */
  readonly heldBytes?: number
  /** Stops reading, so that the far end feels back-pressure; idempotent. */
  pause(): void
  resume(): void
  /** Sends what waits, then closes. */
  end(): void
  /** Closes now and drops what waits. */
  destroy(): void
}

/** A bound address. */
export interface CarrierListener {
  /** The address with wildcards filled in: what a peer on this machine can dial. */
  readonly address: string
  close(): Promise<void>
}

export interface DialOptions {
  readonly signal: AbortSignal
  readonly tuning?: StreamTuning
}

/** What a socket may ask of the streams made for it. A carrier to which something means nothing ignores it. */
export interface StreamTuning {
  /** Most connections that wait to be accepted; default: the system's. */
  readonly backlog?: number
  /** Ask the system to probe idle connections, first after this many milliseconds (0: the system's own time). Default: not. */
  readonly keepAliveMs?: number
  /** With `keepAliveMs`: milliseconds from one probe to the next, in whole seconds. Default, and below Node 24.14: one second. */
  readonly keepAliveIntervalMs?: number
  /** With `keepAliveMs`: how many probes without an answer end the connection. Default, and below Node 24.14: ten. */
  readonly keepAliveProbes?: number
  /** The octet that IP calls type of service: 8 bits, DSCP in the upper six. Default: the system's; and so below Node 24.14. */
  readonly typeOfService?: number
  /** Whether `*` means IPv6 too, and names may resolve to IPv6. Default true. */
  readonly ipv6?: boolean
  /** Whether the process may end while they are open. Default false. */
  readonly background?: boolean
}

export interface Carrier {
  /** Address schemes it serves, without "://": `["tcp"]`. */
  readonly schemes: readonly string[]
  /** Rejects with `AddressInUse`, `BadAddress` or `Unreachable` (no such interface). */
  listen(address: string, onStream: (stream: ByteStream) => void, tuning?: StreamTuning): Promise<CarrierListener>
  /** Rejects with `Unreachable` (refused, no route, no such path), `BadAddress` or `Aborted`. */
  dial(address: string, options: DialOptions): Promise<ByteStream>
  /** Throws `BadAddress` for what could never be dialled, whoever listens. Asks nobody: names are looked up when dialling. */
  checkToDial?(address: string): void
}

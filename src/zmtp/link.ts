/** A connection as its socket sees it, whatever is spoken there: ZMTP (`Connection`), or nothing at all (`RawConnection`). */
import type { ZincError } from "../core/errors.ts"

export interface Link {
  /** The far end, for people. */
  readonly remote: string
  /** The handshake is complete and the end has not begun. */
  readonly isOpen: boolean
  /** Whether the peer understands SUBSCRIBE and CANCEL as commands (G6). */
  readonly takesSubscribeCommands: boolean
  /** To be called once, before anything else. */
  start(): void

  /** What the stream tells; see `ByteStreamHandler` in `transport/carrier.ts`. */
  onBytes(chunk: Uint8Array): void
  onBorrowed(chunk: Uint8Array): void
  onBorrowedRun?(chunks: readonly Uint8Array[]): void
  onDrain(): void
  onClose(error?: Error): void

  /** Octets of memory that its owner keeps on the peer's behalf, such as its subscriptions: they count with what it holds. */
  set kept(bytes: number)

  /** Stops reading, so that the peer feels back-pressure; idempotent. */
  pause(): void
  resume(): void
  /** Sends what is queued, then closes; cuts the stream after `lingerMs`. */
  finish(lingerMs?: number): void
  /** Closes now; what is queued is lost. */
  destroy(): void
  /** Closes now for a reason, which `onClosed` will be told. */
  fail(error: ZincError): void
}

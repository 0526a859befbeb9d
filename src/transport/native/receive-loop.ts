/** Reads a native socket for as long as it is open, and hands over what is ready as batches. */
import type { Readable } from "zeromq"
import { type Deferred, deferred } from "../../core/deferred.ts"

/** Messages gathered before they are handed over, so that one busy socket does not starve the rest. */
const mostAtOnce = 256

export type ReadableSocket = Readable<Buffer[]> & { readonly readable: boolean; readonly closed: boolean }

export class ReceiveLoop {
  readonly #socket: ReadableSocket
  readonly #take: (message: Buffer[]) => void
  readonly #flush: () => void
  #resumed: Deferred<void> | undefined
  #stopped = false
  /** Messages have been taken from the socket and are not yet handed over. */
  holds = false

  /** `take` is called for each message, `flush` when no more is ready; neither once stopped. */
  constructor(socket: ReadableSocket, take: (message: Buffer[]) => void, flush: () => void) {
    this.#socket = socket
    this.#take = take
    this.#flush = flush
    void this.#run()
  }

  pause(): void {
    this.#resumed ??= deferred<void>()
  }

  resume(): void {
    this.#resumed?.resolve()
    this.#resumed = undefined
  }

  stop(): void {
    this.#stopped = true
    this.resume()
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#resumed?.promise
      if (this.#stopped) return
      let message: Buffer[]
      try {
        message = await this.#socket.receive()
      } catch {
        // Only a socket that was closed ends a wait without a message.
        return
      }
      // A wait under way cannot be taken back; what it brings is kept until somebody wants it.
      this.holds = true
      while (this.#resumed !== undefined) await this.#resumed.promise
      if (this.#stopped) return
      this.#take(message)
      for (let count = 1; count < mostAtOnce && !this.#socket.closed && this.#socket.readable; count++) {
        try {
          message = await this.#socket.receive()
        } catch {
          break
        }
        if (this.#stopped) return
        this.#take(message)
      }
      this.holds = false
      this.#flush()
    }
  }
}

/** The same octets as a plain array: a Buffer's slice() is a view where everybody expects a copy. */
export function plain(frame: Buffer): Uint8Array {
  return new Uint8Array(frame.buffer, frame.byteOffset, frame.length)
}

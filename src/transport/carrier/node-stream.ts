/** A byte stream over a socket of node:net, for tcp and ipc alike. */
import type { Socket } from "node:net"
import { systemClock, type Timer } from "../../core/clock.ts"
import type { ByteStream, ByteStreamHandler } from "../carrier.ts"
import type { Reading } from "./node-read.ts"

/** How long one who ended its side may take to read what waits for it. */
const endGraceMs = 2_000

export class NodeStream implements ByteStream {
  readonly remote: string
  readonly #socket: Socket
  readonly #reading: Reading | undefined
  #handler: ByteStreamHandler | undefined
  #error: Error | undefined
  #closed = false
  /** Writes whose end we have not been told of. */
  #pending = 0
  /** A write has returned false since. */
  #owesDrain = false
  #ending = false
  #paused = false
  #cut: Timer | undefined

  /** The socket must not be reading yet when it comes with a Reading. */
  constructor(socket: Socket, remote: string, reading: Reading | undefined) {
    this.#socket = socket
    this.#reading = reading
    this.remote = remote
    // Errors and the end may come before start; nothing is read until then.
    socket.on("error", error => {
      this.#error = error
    })
    // The far end says no more, and Node ends our side when what waits here has gone. To one who does not read it never goes.
    socket.once("end", () => {
      if (!this.#closed && socket.writableLength > 0) {
        this.#ending = true
        this.#cut = systemClock.after(endGraceMs, () => socket.destroy())
      }
    })
    socket.on("close", () => {
      this.#closed = true
      this.#cut?.cancel()
      this.#handler?.onClose(this.#error)
    })
  }

  start(handler: ByteStreamHandler): void {
    this.#handler = handler
    if (this.#closed) {
      // Told from a turn of its own, for nothing is ever told from inside a call.
      Promise.resolve().then(() => handler.onClose(this.#error))
      return
    }
    if (this.#reading !== undefined) {
      this.#reading.start(handler, () => {
        if (!this.#paused && !this.#closed) this.#socket.resume()
      })
      if (!this.#paused) this.#socket.resume()
      return
    }
    this.#socket.on("data", chunk => {
      // A plain Uint8Array, because `slice` of a Buffer does not copy, which would surprise whoever gets a frame of it.
      if (!this.#ending) handler.onBytes(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length))
    })
    if (!this.#paused) this.#socket.resume()
  }

  get waiting(): number {
    return this.#socket.writableLength
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const socket = this.#socket
    if (this.#closed || this.#ending || socket.destroyed) return false
    const last = chunks.length - 1
    if (last > 0) {
      // Corked, the chunks leave in one writev.
      socket.cork()
      for (let i = 0; i < last; i++) socket.write(chunks[i]!)
    }
    this.#pending++
    socket.write(chunks[last]!, this.#onWritten)
    if (last > 0) socket.uncork()
    // libuv tries at once, so what the system took is known here already.
    if (socket.writableLength === 0) return true
    this.#owesDrain = true
    return false
  }

  readonly #onWritten = (): void => {
    this.#pending--
    if (!this.#owesDrain || this.#pending > 0 || this.#socket.writableLength > 0 || this.#closed) return
    this.#owesDrain = false
    if (!this.#socket.destroyed) this.#handler?.onDrain()
  }

  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }
  resume(): void {
    this.#paused = false
    if (this.#handler !== undefined) this.#socket.resume()
  }

  end(): void {
    if (this.#ending || this.#closed) return
    this.#ending = true
    this.#reading?.stop()
    this.#socket.end()
    // What still comes is read and dropped: closing over unread octets would reset the connection, and with it
    // what the peer has not yet read.
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

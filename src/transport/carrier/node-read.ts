/**
 * How sockets of node:net read. By default Node takes fresh memory for each read, which costs more than the reading; so
 * all sockets read into one buffer instead, one after another, and who gets the octets copies what it keeps.
 */
import { type OnReadOpts, type Server, Socket } from "node:net"
import { copyOf, dirtyBytes } from "../../core/bytes.ts"
import type { ByteStreamHandler } from "../carrier.ts"

/** Most octets of one read. Larger reads cost less each; beyond this they leave the processor's nearer caches. */
const readBytes = 256 * 1024

/** Bun and Deno have a node:net of their own, which does not read that way: there each read brings its own memory. */
const readsSo = process.versions["bun"] === undefined && process.versions["deno"] === undefined

let shared: Uint8Array | undefined

/** Where one socket's reads arrive, before and after somebody listens. Nothing may be read before. */
export class Reading {
  /** A new one, or undefined where it cannot be had. */
  static make(): Reading | undefined {
    return readsSo ? new Reading() : undefined
  }
  /** For the socket's constructor, or `connect`. */
  readonly onread: OnReadOpts
  #handler: ByteStreamHandler | undefined

  constructor() {
    shared ??= dirtyBytes(readBytes)
    const buffer = shared
    this.onread = {
      buffer,
      callback: bytes => {
        this.#arrived(bytes === buffer.length ? buffer : buffer.subarray(0, bytes))
        return true
      },
    }
  }

  start(handler: ByteStreamHandler): void {
    this.#handler = handler
  }
  /** What still comes is dropped. */
  stop(): void {
    this.#handler = undefined
  }

  #arrived(chunk: Uint8Array): void {
    const handler = this.#handler
    if (handler?.onBorrowed !== undefined) handler.onBorrowed(chunk)
    else handler?.onBytes(copyOf(chunk))
  }
}

/** What this needs of the handle inside a server, on every Node so far. */
interface ServerHandle {
  onconnection?: (error: number, client: unknown) => void
}

/**
 * Passes accepted sockets on, reading as above where that can be had, and not reading yet. node:net offers `onread` to
 * dialled sockets only, so the accepted handle is wrapped here as the server would wrap it. Where the server has no
 * such handle (another runtime, a later Node) the sockets come as the server makes them, without a Reading.
 * To be called when the server listens.
 */
export function acceptReading(server: Server, onSocket: (socket: Socket, reading: Reading | undefined) => void): void {
  // Also for who came before this call.
  server.on("connection", socket => onSocket(socket, undefined))
  const handle = (server as Server & { readonly _handle?: ServerHandle })._handle
  if (!readsSo || typeof handle?.onconnection !== "function") return
  handle.onconnection = (error, client) => {
    if (error !== 0 || client === undefined) return
    const reading = new Reading()
    const options = { handle: client, onread: reading.onread, pauseOnCreate: true, readable: true, writable: true }
    onSocket(new Socket(options), reading)
  }
}

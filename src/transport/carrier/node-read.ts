/**
 * How sockets of node:net read. By default Node takes fresh memory for each read, which costs more than the reading; so
 * all sockets read into one buffer instead, one after another, and who gets the octets copies what it keeps.
 */
import { type OnReadOpts, type Server, Socket } from "node:net"
import { copyOf, dirtyBytes } from "../../core/bytes.ts"
import { systemClock } from "../../core/clock.ts"
import type { ByteStreamHandler } from "../carrier.ts"

/** Most octets of one read. Larger reads cost less each; beyond this they leave the processor's nearer caches. */
const readBytes = 256 * 1024

/** Bun and Deno have a node:net of their own, which does not read that way: there each read brings its own memory. */
const readsSo = process.versions["bun"] === undefined && process.versions["deno"] === undefined

let shared: Uint8Array | undefined

/** Reads that are smaller come once a turn, and are not counted. */
const largeBytes = 16 * 1024
/** How long the sockets of this thread may read and handle in one turn of its event loop before the others have theirs, in milliseconds. */
const turnMs = 20

/**
 * A socket that is sent much is read 32 times before anything else happens, which may be a million small frames. So
 * whoever reads more when the turn is over waits for the next.
 */
class Turn {
  #endsAt: number | undefined
  #waiting: (() => void)[] = []

  /** Called before what was read is handled. */
  begin(): void {
    if (this.#endsAt !== undefined) return
    this.#endsAt = systemClock.now() + turnMs
    systemClock.later(this.#next)
  }
  get isOver(): boolean {
    return systemClock.now() >= this.#endsAt!
  }
  wait(goOn: () => void): void {
    this.#waiting.push(goOn)
  }

  readonly #next = (): void => {
    this.#endsAt = undefined
    const waiting = this.#waiting
    this.#waiting = []
    for (const goOn of waiting) goOn()
  }
}

const turn = new Turn()

/** Where one socket's reads arrive, before and after somebody listens. Nothing may be read before. */
export class Reading {
  /** A new one, or undefined where it cannot be had. */
  static make(): Reading | undefined {
    return readsSo ? new Reading() : undefined
  }
  /** For the socket's constructor, or `connect`. */
  readonly onread: OnReadOpts
  #handler: ByteStreamHandler | undefined
  #goOn = () => {}

  constructor() {
    shared ??= dirtyBytes(readBytes)
    const buffer = shared
    this.onread = {
      buffer,
      callback: bytes => {
        const isLarge = bytes >= largeBytes
        if (isLarge) turn.begin()
        this.#arrived(bytes === buffer.length ? buffer : buffer.subarray(0, bytes))
        if (!isLarge || !turn.isOver) return true
        turn.wait(this.#goOn)
        // Node pauses the socket.
        return false
      },
    }
  }

  /** `goOn` reads again, unless the socket shall not. */
  start(handler: ByteStreamHandler, goOn: () => void): void {
    this.#handler = handler
    this.#goOn = goOn
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

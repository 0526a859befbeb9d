/** A ZMTP peer written out by hand over node:net, for what no well-behaved library would send. */
import { connect, createServer, type Server, type Socket } from "node:net"
import { within } from "./our-socket.ts"

export interface RawFrame {
  readonly flags: number
  readonly body: Buffer
}

/** The 64 octets of a greeting with NULL. */
export function greeting(major = 3, minor = 1, mechanism = "NULL"): Buffer {
  const bytes = Buffer.alloc(64)
  bytes[0] = 0xff
  bytes[9] = 0x7f
  bytes[10] = major
  bytes[11] = minor
  bytes.write(mechanism, 12, "latin1")
  return bytes
}

export function frame(flags: number, body: Uint8Array): Buffer {
  const header = body.length > 255 ? Buffer.alloc(9) : Buffer.alloc(2)
  header[0] = flags | (body.length > 255 ? 2 : 0)
  if (body.length > 255) header.writeBigUInt64BE(BigInt(body.length), 1)
  else header[1] = body.length
  return Buffer.concat([header, body])
}

export function command(name: string, body: Uint8Array = Buffer.alloc(0)): Buffer {
  return frame(4, Buffer.concat([Buffer.from([name.length]), Buffer.from(name, "latin1"), body]))
}

export function ready(properties: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(properties).map(([name, value]) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(value.length)
    return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), length, Buffer.from(value, "latin1")])
  })
  return command("READY", Buffer.concat(parts))
}

/** PING with a time to live in tenths of a second. */
export function ping(ttl: number, context = ""): Buffer {
  return command("PING", Buffer.concat([Buffer.from([ttl >> 8, ttl & 255]), Buffer.from(context, "latin1")]))
}

/** One connection. What comes is cut into frames after the greeting. */
export class RawPeer {
  /** The peer's greeting, once it is there. */
  theirs: Buffer | undefined
  readonly frames: RawFrame[] = []
  readonly socket: Socket
  #bytes: Buffer = Buffer.alloc(0)
  #wake: (() => void)[] = []
  #closed = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay()
    socket.on("data", chunk => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#cut()
      this.#signal()
    })
    socket.on("error", () => {})
    socket.on("close", () => {
      this.#closed = true
      this.#signal()
    })
  }

  static async connect(address: string): Promise<RawPeer> {
    const socket = connect(Number(address.split(":").at(-1)), "127.0.0.1")
    await within(20_000, "a connection", new Promise(resolve => socket.once("connect", resolve)))
    return new RawPeer(socket)
  }

  /** Greets and says READY as a socket of that type; resolves when the other's READY is here. */
  async shakeHands(socketType: string, minor = 1, more: Readonly<Record<string, string>> = {}): Promise<this> {
    this.send(greeting(3, minor), ready({ "Socket-Type": socketType, ...more }))
    await this.next("their READY")
    return this
  }

  send(...bytes: Uint8Array[]): void {
    this.socket.write(Buffer.concat(bytes))
  }

  /** The next frame, in order. */
  async next(what = "a frame", limitMs = 20_000): Promise<RawFrame> {
    await this.#until(what, () => this.frames.length > 0, limitMs)
    return this.frames.shift()!
  }

  /** Resolves when the other side has closed. */
  closed(limitMs = 20_000): Promise<void> {
    return this.#until("the end of the connection", () => this.#closed, limitMs)
  }

  destroy(): void {
    this.socket.destroy()
  }

  async #until(what: string, condition: () => boolean, limitMs: number): Promise<void> {
    while (!condition()) {
      if (this.#closed) throw new Error(`the connection closed while waiting for ${what}`)
      await within(limitMs, what, new Promise<void>(resolve => this.#wake.push(resolve)))
    }
  }

  #signal(): void {
    const wake = this.#wake
    this.#wake = []
    for (const each of wake) each()
  }

  #cut(): void {
    if (this.theirs === undefined) {
      if (this.#bytes.length < 64) return
      this.theirs = this.#bytes.subarray(0, 64)
      this.#bytes = this.#bytes.subarray(64)
    }
    for (;;) {
      const bytes = this.#bytes
      if (bytes.length < 2) return
      const long = (bytes[0]! & 2) !== 0
      if (long && bytes.length < 9) return
      const start = long ? 9 : 2
      const end = start + (long ? Number(bytes.readBigUInt64BE(1)) : bytes[1]!)
      if (bytes.length < end) return
      this.frames.push({ flags: bytes[0]!, body: bytes.subarray(start, end) })
      this.#bytes = bytes.subarray(end)
    }
  }
}

/** A port of this machine where each connection becomes a RawPeer. */
export class RawListener {
  readonly address: string
  readonly #server: Server
  readonly #peers: RawPeer[] = []
  readonly #waiting: ((peer: RawPeer) => void)[] = []
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, port: number) {
    this.#server = server
    this.address = `tcp://127.0.0.1:${port}`
    server.on("connection", socket => {
      this.#sockets.add(socket)
      const peer = new RawPeer(socket)
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.#peers.push(peer)
      else waiting(peer)
    })
  }

  static async open(): Promise<RawListener> {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
    return new RawListener(server, (server.address() as { port: number }).port)
  }

  /** The next one that dials. */
  accept(limitMs = 20_000): Promise<RawPeer> {
    const peer = this.#peers.shift()
    if (peer !== undefined) return Promise.resolve(peer)
    return within(limitMs, "somebody who dials", new Promise(resolve => this.#waiting.push(resolve)))
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

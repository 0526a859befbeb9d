/**
 * The listening side of the WebSocket carrier: ports of our own, and servers of the program's. Either has any number of
 * addresses that differ by path; a request becomes a stream for whoever listens at its path, or is refused.
 */
import type { Server, Socket } from "node:net"
import type { Duplex } from "node:stream"
import { utf8 } from "../../core/bytes.ts"
import type { Clock, Timer } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import type { Random } from "../../core/random.ts"
import { splitLeg } from "../../zmtp/websocket/session.ts"
import {
  encodeRefusal,
  HeadReader,
  parseRequest,
  UpgradeRefusal,
  type UpgradeRequest,
} from "../../zmtp/websocket/upgrade.ts"
import type { ByteStream, ByteStreamHandler, CarrierListener, StreamTuning } from "../carrier.ts"
import { remoteOf } from "./node-host.ts"
import { acceptReading } from "./node-read.ts"
import { NodeStream } from "./node-stream.ts"
import { tune } from "./node-tuning.ts"
import { type WebSocketParts, WebSocketStream } from "./websocket-stream.ts"

export interface WebSocketCarrierOptions {
  readonly clock?: Clock
  readonly random?: Random
  /** For listening at `wss://`: a certificate chain and its key, in PEM. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /**
   * A server of node:http or node:https of the program's own, which goes on serving what it serves: its upgrade requests
   * for the paths listened at become connections, others are left to whoever else asks for them. It is the program that
   * makes it listen and closes it. Addresses to listen at then say where it is reached.
   */
  readonly server?: UpgradingServer
  /** For dialling `wss://`: certificates to trust besides the well-known ones, in PEM. */
  readonly ca?: string
  /**
   * Which pages of which origins may connect. Browsers say where a page comes from; other programs do not, and are not
   * asked. Default "same": pages from a machine of the name they dialled, at any port. Else "any", or a list of origins
   * such as "https://app.example".
   */
  readonly origins?: "same" | "any" | readonly string[]
  /** From connection to the end of the request, and before that as long for TLS; default 10,000. */
  readonly upgradeTimeoutMs?: number
  /** Connections of one port whose request is not complete; the oldest goes when there is one more. Default 1,024. */
  readonly maxPendingUpgrades?: number
  /** Largest message taken in fragments; others pass through, within the limits of sockets. Default 16 MiB. */
  readonly maxFragmentedBytes?: number
}

export const defaultUpgradeTimeoutMs = 10_000
const defaultPendingUpgrades = 1_024

/** What is asked of a server of node:http or node:https. */
export interface UpgradingServer {
  on(event: "upgrade", listener: (request: UpgradeMessage, socket: Duplex, head: Uint8Array) => void): unknown
  off(event: "upgrade", listener: (request: UpgradeMessage, socket: Duplex, head: Uint8Array) => void): unknown
  listenerCount(event: "upgrade"): number
}

/** What is asked of its requests. */
export interface UpgradeMessage {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly httpVersion: string
  readonly rawHeaders: readonly string[]
}

/** A listening port and the addresses on it. */
export class WebPort {
  readonly number: number
  readonly #routes: Routes = new Map()
  readonly #server: Server
  /** Nobody who listens here wants the process kept alive for it. */
  #background = true
  readonly #options: WebSocketCarrierOptions
  readonly #parts: WebSocketParts
  /** Those whose request is not complete, oldest first. */
  readonly #pending = new Set<PendingUpgrade>()
  /** Those with whom TLS is not agreed yet, by their address, oldest first. */
  readonly #bare = new Map<string, Socket>()

  constructor(server: Server, number: number, scheme: string, options: WebSocketCarrierOptions, parts: WebSocketParts) {
    this.#server = server
    this.number = number
    this.#options = options
    this.#parts = parts
    server.unref()
    if (scheme === "ws")
      acceptReading(server, (socket, reading) =>
        this.#accept(socket, new NodeStream(socket, remoteOf("ws", socket), reading)),
      )
    else {
      server.on("connection", (socket: Socket) => this.#acceptBare(socket))
      server.on("secureConnection", (socket: Socket) => {
        this.#bare.delete(remoteOf("wss", socket))
        this.#accept(socket, new NodeStream(socket, remoteOf("wss", socket), undefined))
      })
    }
    // A TLS handshake that fails, or takes too long, is the end of that connection; nobody else ends it.
    server.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy())
  }

  /** Whoever listens at a path; false when somebody does already. */
  listen(path: string, route: Route): boolean {
    if (this.#routes.has(path)) return false
    this.#routes.set(path, route)
    if (!route.tuning.background && this.#background) {
      this.#background = false
      this.#server.ref()
    }
    return true
  }
  /** Nobody listens there any more. Whether that was the last one. */
  leave(path: string, route: Route): boolean {
    return this.#routes.get(path) === route && this.#routes.delete(path) && this.#routes.size === 0
  }

  close(): void {
    this.#server.close()
    this.#server.unref()
    for (const pending of this.#pending) pending.destroy()
    for (const socket of this.#bare.values()) socket.destroy()
  }

  /** A connection that TLS is still to be spoken on; the server has a time-out for that. */
  #acceptBare(socket: Socket): void {
    const { maxPendingUpgrades = defaultPendingUpgrades } = this.#options
    const remote = remoteOf("wss", socket)
    if (this.#background) socket.unref()
    socket.once("close", () => {
      if (this.#bare.get(remote) === socket) this.#bare.delete(remote)
    })
    this.#bare.set(remote, socket)
    if (this.#bare.size <= maxPendingUpgrades) return
    for (const [key, oldest] of this.#bare) {
      this.#bare.delete(key)
      oldest.destroy()
      break
    }
  }

  #accept(socket: Socket, stream: NodeStream): void {
    socket.setNoDelay(true)
    if (this.#background) socket.unref()
    const { maxPendingUpgrades = defaultPendingUpgrades, upgradeTimeoutMs = defaultUpgradeTimeoutMs } = this.#options
    if (this.#pending.size >= maxPendingUpgrades) {
      for (const oldest of this.#pending) {
        oldest.destroy()
        break
      }
    }
    const pending = new PendingUpgrade(stream, {
      clock: this.#parts.clock,
      timeoutMs: upgradeTimeoutMs,
      take: head => this.#take(head, socket, stream),
      gone: () => this.#pending.delete(pending),
    })
    this.#pending.add(pending)
    stream.start(pending)
  }

  /** A complete request: the stream it becomes, handed on to whoever listens at its path; or why not. */
  #take(head: HeadReader, socket: Socket, inner: NodeStream): WebSocketStream | UpgradeRefusal {
    const request = parseRequest(head)
    if (request instanceof UpgradeRefusal) return request
    const objection = objectionTo(request, this.#options)
    if (objection !== undefined) return objection
    const { route, peerType } = routeOf(this.#routes, request.path)
    if (route === undefined) return noOneThere()
    tune(socket, route.tuning)
    const { key, offers } = request
    const stream = new WebSocketStream(inner, { side: "server", key, offers, peerType, rest: head.rest }, this.#parts)
    this.#parts.clock.soon(() => route.onStream(stream))
    return stream
  }
}

/** A server that is not ours, and the addresses on it. */
export class AttachedServer {
  readonly #routes: Routes = new Map()
  readonly #server: UpgradingServer
  readonly #scheme: string
  readonly #options: WebSocketCarrierOptions
  readonly #parts: WebSocketParts

  constructor(server: UpgradingServer, scheme: string, options: WebSocketCarrierOptions, parts: WebSocketParts) {
    this.#server = server
    this.#scheme = scheme
    this.#options = options
    this.#parts = parts
  }

  listen(address: string, path: string, route: Route): CarrierListener {
    if (this.#routes.has(path))
      throw new ZincError("AddressInUse", `${address} is already in use on this server; choose another path`)
    if (this.#routes.size === 0) this.#server.on("upgrade", this.#upgrade)
    this.#routes.set(path, route)
    return {
      address,
      close: async () => {
        if (this.#routes.get(path) !== route) return
        this.#routes.delete(path)
        if (this.#routes.size === 0) this.#server.off("upgrade", this.#upgrade)
      },
    }
  }

  readonly #upgrade = (message: UpgradeMessage, duplex: Duplex, rest: Uint8Array): void => {
    const socket = duplex as Socket
    const lines = [`${message.method} ${message.url} HTTP/${message.httpVersion}`]
    for (let i = 0; i + 1 < message.rawHeaders.length; i += 2)
      lines.push(`${message.rawHeaders[i]}: ${message.rawHeaders[i + 1]}`)
    const request = parseRequest({ lines, tooLong: false })
    const path = request instanceof UpgradeRefusal ? undefined : request.path
    const { route, peerType } = path === undefined ? nowhere : routeOf(this.#routes, path)
    // Somebody else may be waiting for it.
    if (route === undefined && this.#server.listenerCount("upgrade") > 1) return
    const stream = new NodeStream(socket, remoteOf(this.#scheme, socket), undefined)
    const refusal =
      request instanceof UpgradeRefusal
        ? request
        : (objectionTo(request, this.#options) ?? (route === undefined ? noOneThere() : undefined))
    if (refusal !== undefined || request instanceof UpgradeRefusal) {
      stream.write([utf8(encodeRefusal(refusal!))])
      stream.end()
      this.#parts.clock.after(refusalGraceMs, () => stream.destroy())
      return
    }
    socket.setNoDelay?.(true)
    const { key, offers } = request
    const side = { side: "server" as const, key, offers, peerType, rest: new Uint8Array(rest) }
    const upgraded = new WebSocketStream(stream, side, this.#parts)
    tune(socket, route!.tuning)
    route!.onStream(upgraded)
    stream.start(upgraded)
  }
}

const nowhere = { route: undefined, peerType: undefined }

function noOneThere(): UpgradeRefusal {
  return new UpgradeRefusal("404 Not Found", "nobody listens at this path")
}

/** Who listens at a path, and what is asked of the system for its connections. */
export interface Route {
  readonly onStream: (stream: ByteStream) => void
  readonly tuning: StreamTuning
}
type Routes = Map<string, Route>

/** Who listens at a path: exactly there, or there with a leg below it; and what the leg says of the peer. */
function routeOf(
  routes: Routes,
  path: string,
): { readonly route: Route | undefined; readonly peerType: string | undefined } {
  const { base, peerType } = splitLeg(path)
  const exact = routes.get(path)
  if (exact !== undefined) return { route: exact, peerType }
  const below = routes.get(base)
  if (below !== undefined) return { route: below, peerType }
  // libzmq asks for the last part of a path only; that will do where it can mean one address.
  const matching = [...routes].filter(([each]) => peerType !== undefined || each.endsWith(path))
  return { route: matching.length === 1 ? matching[0]![1] : undefined, peerType }
}

function objectionTo({ origin, host }: UpgradeRequest, options: WebSocketCarrierOptions): UpgradeRefusal | undefined {
  const { origins = "same" } = options
  if (origin === undefined || origins === "any") return undefined
  const allowed = origins === "same" ? hostname(origin) === hostname(`http://${host}`) : origins.includes(origin)
  return allowed ? undefined : new UpgradeRefusal("403 Forbidden", "pages of this origin may not connect here")
}

interface PendingOptions {
  readonly clock: Clock
  readonly timeoutMs: number
  take(head: HeadReader): WebSocketStream | UpgradeRefusal
  gone(): void
}

/** A connection until its request is complete; then it passes on all it hears. */
class PendingUpgrade implements ByteStreamHandler {
  readonly #stream: NodeStream
  readonly #options: PendingOptions
  readonly #timer: Timer
  readonly #head = new HeadReader()
  #taken: WebSocketStream | undefined
  #over = false

  constructor(stream: NodeStream, options: PendingOptions) {
    this.#stream = stream
    this.#options = options
    this.#timer = options.clock.after(options.timeoutMs, () => this.destroy())
  }

  destroy(): void {
    this.#leave()
    this.#stream.destroy()
  }

  onBytes(chunk: Uint8Array): void {
    if (this.#taken !== undefined) {
      this.#taken.onBytes(chunk)
      return
    }
    if (this.#over || !this.#head.read(chunk)) return
    this.#leave()
    const taken = this.#options.take(this.#head)
    if (taken instanceof UpgradeRefusal) {
      this.#stream.write([utf8(encodeRefusal(taken))])
      this.#stream.end()
      this.#options.clock.after(refusalGraceMs, () => this.#stream.destroy())
    } else this.#taken = taken
  }
  onBorrowed(chunk: Uint8Array): void {
    this.onBytes(chunk)
  }
  onDrain(): void {
    this.#taken?.onDrain()
  }
  onClose(error?: Error): void {
    this.#leave()
    if (error === undefined) this.#taken?.onClose()
    else this.#taken?.onClose(error)
  }

  #leave(): void {
    if (this.#over) return
    this.#over = true
    this.#timer.cancel()
    this.#options.gone()
  }
}

/** How long one who was refused may take to go. */
const refusalGraceMs = 2_000

function hostname(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined
}

/**
 * Carries ZMTP over WebSocket, as ZWS 2.0 (rfc:45): `ws://host:port/path`, and `wss://` with TLS. One port serves any
 * number of addresses that differ by path. Below each address are the paths of a host's three sockets, /control,
 * /publish and /push, for peers that cannot say what they are.
 */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import type { Duplex } from "node:stream"
import { connect as connectTls, createServer as createTlsServer, rootCertificates } from "node:tls"
import { utf8 } from "../../core/bytes.ts"
import { type Clock, systemClock, type Timer } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import { type Random, systemRandom } from "../../core/random.ts"
import { splitLeg } from "../../zmtp/websocket/session.ts"
import {
  encodeRefusal,
  HeadReader,
  normalPath,
  parseRequest,
  UpgradeRefusal,
  type UpgradeRequest,
} from "../../zmtp/websocket/upgrade.ts"
import { badAddress, parseAddress, parseTcp } from "../address.ts"
import type { ByteStream, ByteStreamHandler, Carrier, CarrierListener } from "../carrier.ts"
import { dialNode } from "./node-dial.ts"
import { listening } from "./node-listener.ts"
import { acceptReading } from "./node-read.ts"
import { NodeStream } from "./node-stream.ts"
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

const defaultUpgradeTimeoutMs = 10_000
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

interface WebAddress {
  readonly scheme: string
  readonly host: string | undefined
  readonly port: number
  /** "" or "/a/b". */
  readonly path: string
  /** As a request says it. */
  readonly target: string
}

export class WebSocketCarrier implements Carrier {
  readonly schemes: readonly string[] = ["ws", "wss"]
  readonly #options: WebSocketCarrierOptions
  readonly #parts: WebSocketParts
  readonly #ports = new Map<string, WebPort>()
  #attached: AttachedServer | undefined

  constructor(options: WebSocketCarrierOptions = {}) {
    this.#options = options
    this.#parts = {
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      maxFragmentedBytes: options.maxFragmentedBytes ?? 16 * 1024 * 1024,
    }
  }

  async listen(address: string, onStream: (stream: ByteStream) => void): Promise<CarrierListener> {
    const asked = read(address)
    const { scheme, host, path } = asked
    if (this.#options.server !== undefined) {
      this.#attached ??= new AttachedServer(this.#options.server, scheme, this.#options, this.#parts)
      return this.#attached.listen(address, path, onStream)
    }
    const known = this.#ports.get(keyOf(scheme, host, asked.port))
    const port = known ?? (await this.#open(asked, address))
    if (port.routes.has(path)) {
      throw new ZincError("AddressInUse", `${address} is already in use by this carrier; choose another path or port`)
    }
    port.routes.set(path, onStream)
    return {
      address: `${scheme}://${dialable(host)}:${port.number}${path}`,
      close: async () => {
        if (port.routes.get(path) !== onStream) return
        port.routes.delete(path)
        if (port.routes.size > 0) return
        this.#ports.delete(keyOf(scheme, host, port.number))
        port.close()
      },
    }
  }

  async dial(address: string, options: { readonly signal: AbortSignal }): Promise<ByteStream> {
    const { scheme, host = "127.0.0.1", port, target } = read(address)
    if (port === 0) throw badAddress(address, "to dial, name the port")
    const inner =
      scheme === "ws"
        ? await dialNode({ host, port, noDelay: true }, address, options.signal)
        : await dialSecurely({ host, port, ca: this.#options.ca }, address, options.signal)
    const name = host.includes(":") ? `[${host}]` : host
    return new WebSocketStream(inner, { side: "client", path: target, host: `${name}:${port}` }, this.#parts)
  }

  async #open(asked: WebAddress, address: string): Promise<WebPort> {
    const { scheme, host } = asked
    const { tls } = this.#options
    if (scheme === "wss" && tls === undefined) {
      throw new ZincError("BadOption", "to listen at wss:// give the carrier a certificate: tls: { cert, key }")
    }
    // Who is slow over TLS has the time of a request for it too.
    const { upgradeTimeoutMs = defaultUpgradeTimeoutMs } = this.#options
    const server = scheme === "wss" ? createTlsServer({ ...tls!, handshakeTimeout: upgradeTimeoutMs }) : createServer()
    await listening(server, host === undefined ? { port: asked.port } : { host, port: asked.port }, address)
    const number = (server.address() as AddressInfo).port
    const port = new WebPort(server, number, scheme, this.#options, this.#parts)
    this.#ports.set(keyOf(scheme, host, number), port)
    return port
  }
}

/** A listening port and the addresses on it. */
class WebPort {
  readonly number: number
  readonly routes: Routes = new Map()
  readonly #server: Server
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
      take: head => this.#take(head, stream),
      gone: () => this.#pending.delete(pending),
    })
    this.#pending.add(pending)
    stream.start(pending)
  }

  /** A complete request: the stream it becomes, handed on to whoever listens at its path; or why not. */
  #take(head: HeadReader, inner: NodeStream): WebSocketStream | UpgradeRefusal {
    const request = parseRequest(head)
    if (request instanceof UpgradeRefusal) return request
    const objection = objectionTo(request, this.#options)
    if (objection !== undefined) return objection
    const { onStream, peerType } = routeOf(this.routes, request.path)
    if (onStream === undefined) return noOneThere()
    const { key, offers } = request
    const stream = new WebSocketStream(inner, { side: "server", key, offers, peerType, rest: head.rest }, this.#parts)
    this.#parts.clock.soon(() => onStream(stream))
    return stream
  }
}

/** A server that is not ours, and the addresses on it. */
class AttachedServer {
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

  listen(address: string, path: string, onStream: (stream: ByteStream) => void): CarrierListener {
    if (this.#routes.has(path))
      throw new ZincError("AddressInUse", `${address} is already in use on this server; choose another path`)
    if (this.#routes.size === 0) this.#server.on("upgrade", this.#upgrade)
    this.#routes.set(path, onStream)
    return {
      address,
      close: async () => {
        if (this.#routes.get(path) !== onStream) return
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
    const { onStream, peerType } = path === undefined ? nowhere : routeOf(this.#routes, path)
    // Somebody else may be waiting for it.
    if (onStream === undefined && this.#server.listenerCount("upgrade") > 1) return
    const stream = new NodeStream(socket, remoteOf(this.#scheme, socket), undefined)
    const refusal =
      request instanceof UpgradeRefusal
        ? request
        : (objectionTo(request, this.#options) ?? (onStream === undefined ? noOneThere() : undefined))
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
    onStream!(upgraded)
    stream.start(upgraded)
  }
}

const nowhere = { onStream: undefined, peerType: undefined }

function noOneThere(): UpgradeRefusal {
  return new UpgradeRefusal("404 Not Found", "nobody listens at this path")
}

type Routes = Map<string, (stream: ByteStream) => void>

/** Who listens at a path: exactly there, or there with a leg below it; and what the leg says of the peer. */
function routeOf(
  routes: Routes,
  path: string,
): { onStream: ((stream: ByteStream) => void) | undefined; peerType: string | undefined } {
  const { base, peerType } = splitLeg(path)
  const exact = routes.get(path)
  if (exact !== undefined) return { onStream: exact, peerType }
  const below = routes.get(base)
  if (below !== undefined) return { onStream: below, peerType }
  // libzmq asks for the last part of a path only; that will do where it can mean one address.
  const matching = [...routes].filter(([each]) => peerType !== undefined || each.endsWith(path))
  return { onStream: matching.length === 1 ? matching[0]![1] : undefined, peerType }
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

function read(address: string): WebAddress {
  const { scheme, rest } = parseAddress(address)
  if (scheme !== "ws" && scheme !== "wss") throw badAddress(address, "the websocket carrier serves ws:// and wss://")
  const match = /^(\[[^\]]*\]|[^:/?#[\]]*)(?::(\*|\d+))?(\/[^?#]*)?(\?[^#]*)?$/.exec(rest)
  if (match === null || match[1] === "" || /[^!-~]/.test(rest)) {
    throw badAddress(address, 'write it as "ws://host:port/path"')
  }
  const { host, port } = parseTcp(`${match[1]}:${match[2] ?? (scheme === "ws" ? "80" : "443")}`)
  const path = normalPath(match[3] ?? "")
  return { scheme, host, port, path, target: `${match[3] ?? "/"}${match[4] ?? ""}` }
}

function keyOf(scheme: string, host: string | undefined, port: number): string {
  return `${scheme}://${host ?? "*"}:${port}`
}

/** What a peer on this machine can dial. */
function dialable(host: string | undefined): string {
  if (host === undefined || host === "0.0.0.0" || host === "::") return "127.0.0.1"
  return host.includes(":") ? `[${host}]` : host
}

function remoteOf(scheme: string, socket: Socket): string {
  const { remoteAddress = "unknown", remotePort = 0 } = socket
  const host = remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress
  return `${scheme}://${host}:${remotePort}`
}

function hostname(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined
}

/** Rejects with `Unreachable`, `HandshakeFailed` (a certificate we do not trust) or `Aborted`. */
function dialSecurely(
  to: { readonly host: string; readonly port: number; readonly ca: string | undefined },
  address: string,
  signal: AbortSignal,
): Promise<NodeStream> {
  return new Promise((resolve, reject) => {
    const aborted = () => new ZincError("Aborted", `dialling ${address} was aborted`, { cause: signal.reason })
    if (signal.aborted) return reject(aborted())
    const { host, port, ca } = to
    const isName = !/^[\d.]+$|:/.test(host)
    const socket = connectTls({
      host,
      port,
      ...(ca !== undefined && { ca: [...rootCertificates, ca] }),
      ...(isName && { servername: host }),
    })
    const onAbort = () => {
      socket.destroy()
      reject(aborted())
    }
    signal.addEventListener("abort", onAbort, { once: true })
    let reached = false
    socket.once("connect", () => {
      reached = true
    })
    const onError = (error: Error) => {
      signal.removeEventListener("abort", onAbort)
      const code = reached ? "HandshakeFailed" : "Unreachable"
      const what = reached ? `no TLS connection with ${address}` : `nobody answers at ${address}`
      reject(new ZincError(code, `${what}: ${error.message}`, { cause: error, retryable: !reached }))
    }
    socket.once("error", onError)
    socket.once("secureConnect", () => {
      signal.removeEventListener("abort", onAbort)
      socket.removeListener("error", onError)
      socket.setNoDelay(true)
      resolve(new NodeStream(socket, address, undefined))
    })
  })
}

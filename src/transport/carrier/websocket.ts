/**
 * Carries ZMTP over WebSocket, as ZWS 2.0 (rfc:45): `ws://host:port/path`, and `wss://` with TLS. One port serves any
 * number of addresses that differ by path. Below each address are the paths of a host's three sockets, /control,
 * /publish and /push, for peers that cannot say what they are.
 */
import { type AddressInfo, createServer } from "node:net"
import { connect as connectTls, createServer as createTlsServer, rootCertificates } from "node:tls"
import { systemClock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import { systemRandom } from "../../core/random.ts"
import { normalPath } from "../../zmtp/websocket/upgrade.ts"
import { badAddress, parseAddress, parseTcp } from "../address.ts"
import type { ByteStream, Carrier, CarrierListener, DialOptions, StreamTuning } from "../carrier.ts"
import { dialNode } from "./node-dial.ts"
import { dialable, hostToListen } from "./node-host.ts"
import { listening } from "./node-listener.ts"
import { NodeStream } from "./node-stream.ts"
import { tune } from "./node-tuning.ts"
import { AttachedServer, defaultUpgradeTimeoutMs, WebPort, type WebSocketCarrierOptions } from "./websocket-server.ts"
import { type WebSocketParts, WebSocketStream } from "./websocket-stream.ts"

export type { UpgradeMessage, UpgradingServer, WebSocketCarrierOptions } from "./websocket-server.ts"

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
  /** Ports that are about to listen, so that sockets may bind paths of one at the same time. */
  readonly #opening = new Map<string, Promise<WebPort>>()
  #attached: AttachedServer | undefined

  constructor(options: WebSocketCarrierOptions = {}) {
    this.#options = options
    this.#parts = {
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      maxFragmentedBytes: options.maxFragmentedBytes ?? 16 * 1024 * 1024,
    }
  }

  async listen(
    address: string,
    onStream: (stream: ByteStream) => void,
    tuning: StreamTuning = {},
  ): Promise<CarrierListener> {
    const asked = read(address, tuning)
    const { scheme, host, path } = asked
    const route = { onStream, tuning }
    if (this.#options.server !== undefined) {
      this.#attached ??= new AttachedServer(this.#options.server, scheme, this.#options, this.#parts)
      return this.#attached.listen(address, path, route)
    }
    const port = await this.#portFor(asked, address, tuning)
    if (!port.listen(path, route)) {
      throw new ZincError("AddressInUse", `${address} is already in use by this carrier; choose another path or port`)
    }
    return {
      address: `${scheme}://${dialable(host)}:${port.number}${path}`,
      close: async () => {
        if (!port.leave(path, route)) return
        this.#ports.delete(keyOf(scheme, host, port.number))
        port.close()
      },
    }
  }

  checkToDial(address: string): void {
    const { host, port } = read(address)
    if (host === undefined) throw badAddress(address, "to dial, name the host")
    if (port === 0) throw badAddress(address, "to dial, name the port")
  }

  async dial(address: string, options: DialOptions): Promise<ByteStream> {
    const { signal, tuning = {} } = options
    const { scheme, host = "127.0.0.1", port, target } = read(address)
    if (port === 0) throw badAddress(address, "to dial, name the port")
    const family = tuning.ipv6 === false ? { family: 4 } : {}
    const inner =
      scheme === "ws"
        ? await dialNode({ host, port, noDelay: true, ...family }, address, signal, tuning)
        : await dialSecurely({ host, port, ca: this.#options.ca, ...family }, address, signal, tuning)
    const name = host.includes(":") ? `[${host}]` : host
    return new WebSocketStream(inner, { side: "client", path: target, host: `${name}:${port}` }, this.#parts)
  }

  #portFor(asked: WebAddress, address: string, tuning: StreamTuning): WebPort | Promise<WebPort> {
    const key = keyOf(asked.scheme, asked.host, asked.port)
    const known = this.#ports.get(key) ?? this.#opening.get(key)
    if (known !== undefined) return known
    const opening = this.#open(asked, address, tuning).finally(() => this.#opening.delete(key))
    // Where the system chooses, each gets a port of its own.
    if (asked.port > 0) this.#opening.set(key, opening)
    return opening
  }

  async #open(asked: WebAddress, address: string, { backlog }: StreamTuning): Promise<WebPort> {
    const { scheme, host } = asked
    const { tls } = this.#options
    if (scheme === "wss" && tls === undefined) {
      throw new ZincError("BadOption", "to listen at wss:// give the carrier a certificate: tls: { cert, key }")
    }
    // Who is slow over TLS has the time of a request for it too.
    const { upgradeTimeoutMs = defaultUpgradeTimeoutMs } = this.#options
    const server = scheme === "wss" ? createTlsServer({ ...tls!, handshakeTimeout: upgradeTimeoutMs }) : createServer()
    await listening(
      server,
      { port: asked.port, ...(host !== undefined && { host }), ...(backlog !== undefined && { backlog }) },
      address,
    )
    const number = (server.address() as AddressInfo).port
    const port = new WebPort(server, number, scheme, this.#options, this.#parts)
    this.#ports.set(keyOf(scheme, host, number), port)
    return port
  }
}

/** With `tuning`, to listen there: the name of an interface, and `*`, become what to listen at. */
function read(address: string, tuning?: StreamTuning): WebAddress {
  const { scheme, rest } = parseAddress(address)
  if (scheme !== "ws" && scheme !== "wss") throw badAddress(address, "the websocket carrier serves ws:// and wss://")
  const match = /^(\[[^\]]*\]|[^:/?#[\]]*)(?::(\*|\d+))?(\/[^?#]*)?(\?[^#]*)?$/.exec(rest)
  if (match === null || match[1] === "" || /[^!-~]/.test(rest)) {
    throw badAddress(address, 'write it as "ws://host:port/path"')
  }
  const { host, port } = parseTcp(`${match[1]}:${match[2] ?? (scheme === "ws" ? "80" : "443")}`)
  const path = normalPath(match[3] ?? "")
  const listened = tuning === undefined ? host : hostToListen(host, tuning)
  return { scheme, host: listened, port, path, target: `${match[3] ?? "/"}${match[4] ?? ""}` }
}

function keyOf(scheme: string, host: string | undefined, port: number): string {
  return `${scheme}://${host ?? "*"}:${port}`
}

/** Rejects with `Unreachable`, `HandshakeFailed` (a certificate we do not trust) or `Aborted`. */
function dialSecurely(
  to: { readonly host: string; readonly port: number; readonly ca: string | undefined; readonly family?: number },
  address: string,
  signal: AbortSignal,
  tuning: StreamTuning,
): Promise<NodeStream> {
  return new Promise((resolve, reject) => {
    const aborted = () => new ZincError("Aborted", `dialling ${address} was aborted`, { cause: signal.reason })
    if (signal.aborted) return reject(aborted())
    const { host, port, ca, family } = to
    const isName = !/^[\d.]+$|:/.test(host)
    const socket = connectTls({
      host,
      port,
      ...(family !== undefined && { family }),
      ...(ca !== undefined && { ca: [...rootCertificates, ca] }),
      ...(isName && { servername: host }),
    })
    if (tuning.background) socket.unref()
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
      tune(socket, tuning)
      resolve(new NodeStream(socket, address, undefined))
    })
  })
}

/**
 * Carries octets over TCP: `tcp://host:port`. Nagle's algorithm is off, for we gather writes ourselves. To listen, the
 * host may be the name of an interface; to dial, `tcp://from;to` says which of our addresses to dial from.
 */
import { type AddressInfo, createServer, type Socket } from "node:net"
import { networkInterfaces } from "node:os"
import { badAddress, parseAddress, parseTcp, type TcpAddress } from "../address.ts"
import type { ByteStream, Carrier, CarrierListener, DialOptions, StreamTuning } from "../carrier.ts"
import { dialNode } from "./node-dial.ts"
import { listening, NodeListener } from "./node-listener.ts"
import { acceptReading } from "./node-read.ts"
import { NodeStream } from "./node-stream.ts"

export class TcpCarrier implements Carrier {
  readonly schemes: readonly string[] = ["tcp"]

  async listen(
    address: string,
    onStream: (stream: ByteStream) => void,
    tuning: StreamTuning = {},
  ): Promise<CarrierListener> {
    const { host: asked, port } = read(address)
    const host = asked === undefined ? everywhere(tuning) : addressOf(asked)
    const { backlog, keepAliveMs, background } = tuning
    const server = createServer()
    await listening(server, { port, ...(host && { host }), ...(backlog !== undefined && { backlog }) }, address)
    if (background) server.unref()
    acceptReading(server, (socket, reading) => {
      if (background) socket.unref()
      socket.setNoDelay(true)
      if (keepAliveMs !== undefined) socket.setKeepAlive(true, keepAliveMs)
      onStream(new NodeStream(socket, remoteOf(socket), reading))
    })
    const bound = (server.address() as AddressInfo).port
    return new NodeListener(server, `tcp://${dialable(host)}:${bound}`)
  }

  async dial(address: string, options: DialOptions): Promise<ByteStream> {
    const { keepAliveMs, ipv6 = true, background = false } = options.tuning ?? {}
    const semicolon = address.indexOf(";")
    const from = semicolon < 0 ? undefined : parseTcp(address.slice("tcp://".length, semicolon))
    const { host, port } = read(semicolon < 0 ? address : `tcp://${address.slice(semicolon + 1)}`)
    if (port === 0) throw badAddress(address, "to dial, name the port")
    return await dialNode(
      {
        host: host ?? "127.0.0.1",
        port,
        noDelay: true,
        ...(!ipv6 && { family: 4 }),
        ...(keepAliveMs !== undefined && { keepAlive: true, keepAliveInitialDelay: keepAliveMs }),
        ...(from?.host && { localAddress: addressOf(from.host) }),
        ...(from && from.port > 0 && { localPort: from.port }),
      },
      address,
      options.signal,
      background,
    )
  }
}

/** Where to listen when every interface is meant; undefined lets the system choose, IPv6 and IPv4 where it has both. */
function everywhere(tuning: StreamTuning): string | undefined {
  return tuning.ipv6 === false ? "0.0.0.0" : undefined
}

/** The address of an interface of this name, IPv4 where it has one; anything else stays as it is. */
function addressOf(host: string): string {
  const addresses = networkInterfaces()[host]
  if (addresses === undefined) return host
  return (addresses.find(each => each.family === "IPv4") ?? addresses[0])?.address ?? host
}

function read(address: string): TcpAddress {
  const { scheme, rest } = parseAddress(address)
  if (scheme !== "tcp") throw badAddress(address, "the tcp carrier serves tcp://")
  return parseTcp(rest)
}

/** What a peer on this machine can dial. */
function dialable(host: string | undefined): string {
  if (host === undefined || host === "0.0.0.0" || host === "::") return "127.0.0.1"
  return host.includes(":") ? `[${host}]` : host
}

function remoteOf(socket: Socket): string {
  const { remoteAddress = "unknown", remotePort = 0 } = socket
  return remoteAddress.includes(":") ? `tcp://[${remoteAddress}]:${remotePort}` : `tcp://${remoteAddress}:${remotePort}`
}

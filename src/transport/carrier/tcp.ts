/** Carries octets over TCP: `tcp://host:port`. Nagle's algorithm is off, for we gather writes ourselves. */
import { type AddressInfo, createServer, type Socket } from "node:net"
import { badAddress, parseAddress, parseTcp, type TcpAddress } from "../address.ts"
import type { ByteStream, Carrier, CarrierListener } from "../carrier.ts"
import { dialNode } from "./node-dial.ts"
import { listening, NodeListener } from "./node-listener.ts"
import { acceptReading } from "./node-read.ts"
import { NodeStream } from "./node-stream.ts"

export class TcpCarrier implements Carrier {
  readonly schemes: readonly string[] = ["tcp"]

  async listen(address: string, onStream: (stream: ByteStream) => void): Promise<CarrierListener> {
    const { host, port } = read(address)
    const server = createServer()
    await listening(server, host === undefined ? { port } : { host, port }, address)
    acceptReading(server, (socket, reading) => {
      socket.setNoDelay(true)
      onStream(new NodeStream(socket, remoteOf(socket), reading))
    })
    const bound = (server.address() as AddressInfo).port
    return new NodeListener(server, `tcp://${dialable(host)}:${bound}`)
  }

  async dial(address: string, options: { readonly signal: AbortSignal }): Promise<ByteStream> {
    const { host, port } = read(address)
    if (port === 0) throw badAddress(address, "to dial, name the port")
    return await dialNode({ host: host ?? "127.0.0.1", port, noDelay: true }, address, options.signal)
  }
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

/**
 * Carries octets over TCP: `tcp://host:port`. Nagle's algorithm is off, for we gather writes ourselves. To listen, the
 * host may be the name of an interface; to dial, `tcp://from;to` says which of our addresses to dial from.
 */
import { type AddressInfo, createServer } from "node:net"
import { badAddress, parseAddress, parseTcp, type TcpAddress } from "../address.ts"
import type { ByteStream, Carrier, CarrierListener, DialOptions, StreamTuning } from "../carrier.ts"
import { dialNode } from "./node-dial.ts"
import { addressOf, dialable, hostToListen, remoteOf } from "./node-host.ts"
import { listening, NodeListener } from "./node-listener.ts"
import { acceptReading } from "./node-read.ts"
import { NodeStream } from "./node-stream.ts"
import { tune } from "./node-tuning.ts"

export class TcpCarrier implements Carrier {
  readonly schemes: readonly string[] = ["tcp"]

  async listen(
    address: string,
    onStream: (stream: ByteStream) => void,
    tuning: StreamTuning = {},
  ): Promise<CarrierListener> {
    const { host: asked, port } = read(address)
    const host = hostToListen(asked, tuning)
    const { backlog, background } = tuning
    const server = createServer()
    await listening(server, { port, ...(host && { host }), ...(backlog !== undefined && { backlog }) }, address)
    if (background) server.unref()
    acceptReading(server, (socket, reading) => {
      socket.setNoDelay(true)
      tune(socket, tuning)
      onStream(new NodeStream(socket, remoteOf("tcp", socket), reading))
    })
    const bound = (server.address() as AddressInfo).port
    return new NodeListener(server, `tcp://${dialable(host)}:${bound}`)
  }

  checkToDial(address: string): void {
    const { from, host, port } = readToDial(address)
    if (host === undefined) throw badAddress(address, "to dial, name the host")
    for (const name of [host, from?.host]) {
      if (name !== undefined && /[^!-~\u0080-\uffff]|\//.test(name))
        throw badAddress(address, `"${name}" is no name of a host`)
    }
    if (port === 0) throw badAddress(address, "to dial, name the port")
  }

  async dial(address: string, options: DialOptions): Promise<ByteStream> {
    const { ipv6 = true } = options.tuning ?? {}
    const { from, host, port } = readToDial(address)
    if (port === 0) throw badAddress(address, "to dial, name the port")
    return await dialNode(
      {
        host: host ?? "127.0.0.1",
        port,
        noDelay: true,
        ...(!ipv6 && { family: 4 }),
        ...(from?.host && { localAddress: addressOf(from.host) }),
        ...(from && from.port > 0 && { localPort: from.port }),
      },
      address,
      options.signal,
      options.tuning,
    )
  }
}

function read(address: string): TcpAddress {
  const { scheme, rest } = parseAddress(address)
  if (scheme !== "tcp") throw badAddress(address, "the tcp carrier serves tcp://")
  return parseTcp(rest)
}

/** Whom to dial, and from where. */
function readToDial(address: string): TcpAddress & { readonly from: TcpAddress | undefined } {
  const semicolon = address.indexOf(";")
  const from = semicolon < 0 ? undefined : parseTcp(address.slice("tcp://".length, semicolon))
  return { from, ...read(semicolon < 0 ? address : `tcp://${address.slice(semicolon + 1)}`) }
}

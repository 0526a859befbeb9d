/** The hosts of addresses, as node:net takes them and as people are shown them. */
import type { Socket } from "node:net"
import { networkInterfaces } from "node:os"
import type { StreamTuning } from "../carrier.ts"

/** Where to listen; undefined lets the system choose, which is every interface, IPv6 and IPv4 where it has both. */
export function hostToListen(asked: string | undefined, tuning: StreamTuning): string | undefined {
  if (asked !== undefined) return addressOf(asked)
  return tuning.ipv6 === false ? "0.0.0.0" : undefined
}

/** The address of an interface of this name, IPv4 where it has one; anything else stays as it is. */
export function addressOf(host: string): string {
  const addresses = networkInterfaces()[host]
  if (addresses === undefined) return host
  return (addresses.find(each => each.family === "IPv4") ?? addresses[0])?.address ?? host
}

/** What a peer on this machine can dial. */
export function dialable(host: string | undefined): string {
  if (host === undefined || host === "0.0.0.0" || host === "::") return "127.0.0.1"
  return host.includes(":") ? `[${host}]` : host
}

/** The far end of a connection, as an address. */
export function remoteOf(scheme: string, socket: Socket): string {
  const { remoteAddress = "unknown", remotePort = 0 } = socket
  const host = remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress
  return `${scheme}://${host}:${remotePort}`
}

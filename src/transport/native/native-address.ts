/** From our addresses to those libzmq takes, and from its errors to ours. */
import { lookup } from "node:dns/promises"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { toHex } from "../../core/bytes.ts"
import { messageOf, ZincError } from "../../core/errors.ts"
import { systemRandom } from "../../core/random.ts"
import { badAddress, parseAddress, parseTcp } from "../address.ts"
import type { HostAddresses } from "../transport.ts"

/** sun_path holds 108 octets with the closing zero. */
const ipcPathMax = 107

/** What libzmq is told, for each of a host's sockets. Rejects with what `bind` rejects with. */
export async function toBind(text: string): Promise<HostAddresses> {
  const { scheme, rest } = parseAddress(text)
  if (scheme === "tcp") {
    const { host, port } = parseTcp(rest)
    const name = host === undefined ? "*" : await resolve(host, text)
    return { control: `tcp://${name}:${port}`, publish: `tcp://${name}:0`, push: `tcp://${name}:0` }
  }
  if (scheme === "ipc") {
    const path = rest === "*" ? join(tmpdir(), `zinc-${toHex(systemRandom.bytes(8))}`) : rest
    const paths = { control: path, publish: `${path}.publish`, push: `${path}.push` }
    if (paths.publish.length > ipcPathMax) throw badAddress(text, `a path is at most ${ipcPathMax - 8} octets`)
    return { control: `ipc://${paths.control}`, publish: `ipc://${paths.publish}`, push: `ipc://${paths.push}` }
  }
  throw badAddress(text, "the native transport serves tcp:// and ipc://")
}

/** What libzmq is told to dial. Rejects with what `connect` rejects with. */
export async function toDial(text: string): Promise<string> {
  const { scheme, rest } = parseAddress(text)
  if (scheme === "tcp") {
    const { host, port } = parseTcp(rest)
    if (port === 0) throw badAddress(text, "to dial, name the port")
    // libzmq says nothing of a name it cannot resolve, so names are resolved here.
    return `tcp://${await resolve(host ?? "127.0.0.1", text)}:${port}`
  }
  if (scheme === "ipc") {
    if (rest === "*") throw badAddress(text, "to dial, name the path")
    if (rest.length > ipcPathMax) throw badAddress(text, `a path is at most ${ipcPathMax} octets`)
    return text
  }
  throw badAddress(text, "the native transport serves tcp:// and ipc://")
}

/** What a peer on this machine can dial, from libzmq's last endpoint. */
export function dialable(endpoint: string): string {
  return endpoint.replace(/^tcp:\/\/(?:0\.0\.0\.0|\[::\])(?=:\d+$)/, "tcp://127.0.0.1")
}

/** What libzmq threw from bind or connect, in our terms. */
export function fromZeromq(thrown: unknown, text: string): ZincError {
  const code = (thrown as { code?: string }).code
  const options = { cause: thrown }
  switch (code) {
    case "EADDRINUSE":
      return new ZincError(
        "AddressInUse",
        `${text} is already in use on this machine; choose another port or path`,
        options,
      )
    case "ENODEV":
    case "EADDRNOTAVAIL":
      return new ZincError("Unreachable", `no interface of this machine has the address ${text}`, options)
    case "EBADF":
      return new ZincError("Closed", `the socket for ${text} is closed; make a new one`, options)
    default:
      return new ZincError("BadAddress", `"${text}" cannot be used: ${messageOf(thrown)}`, options)
  }
}

/** An IP address; IPv6 in brackets. */
async function resolve(host: string, text: string): Promise<string> {
  try {
    const { address, family } = await lookup(host)
    return family === 6 ? `[${address}]` : address
  } catch (cause) {
    throw new ZincError("Unreachable", `the name "${host}" in ${text} is not known: ${messageOf(cause)}`, {
      cause,
      retryable: true,
    })
  }
}

/** Whether somebody listens there. libzmq would take a path away from whoever does. */
export function isTaken(endpoint: string): Promise<boolean> {
  if (!endpoint.startsWith("ipc://")) return Promise.resolve(false)
  return new Promise(settle => {
    const probe = connect(endpoint.slice("ipc://".length), () => {
      probe.destroy()
      settle(true)
    })
    probe.once("error", () => settle(false))
  })
}

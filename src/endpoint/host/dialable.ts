/** Where a joiner can dial a relay: the relay's own words, made to fit what the joiner dials and where the host sees the relay. */
import { parseAddress, parseTcp } from "../../transport/address.ts"

interface Parts {
  readonly scheme: string
  /** Undefined where addresses name no machine, and for every interface. */
  readonly host: string | undefined
  readonly port: number
  readonly path: string
}

/** Schemes whose addresses name a machine and a port. */
const networked = new Set(["tcp", "ws", "wss"])
const everywhere = new Set(["0.0.0.0", "::"])

/**
 * Those of the addresses that the joiner can dial, by the scheme and machine it dialled here. One on every interface names
 * no machine: that is where the host sees the relay come from (`remote`), or, when the relay is on the host's own machine,
 * the one that the joiner dialled.
 */
export function dialableFrom(addresses: readonly string[], remote: string, dialled: string): string[] {
  const joiner = partsOf(dialled)
  const found: string[] = []
  for (const address of addresses) {
    const parts = partsOf(address)
    if (parts === undefined || !speaks(joiner, parts)) continue
    const { scheme, host, port, path } = parts
    if (!networked.has(scheme)) found.push(address)
    else if (host === undefined) {
      const seen = partsOf(remote)?.host
      const machine = seen === undefined || isLoopback(seen) ? machineOf(joiner) : seen
      if (machine !== undefined)
        found.push(`${scheme}://${machine.includes(":") ? `[${machine}]` : machine}:${port}${path}`)
    } else if (!isLoopback(host) || isLoopback(machineOf(joiner) ?? host)) found.push(address)
  }
  return found
}

/** A page speaks WebSocket only; who came by a path of this machine can come by TCP as well. */
function speaks(joiner: Parts | undefined, { scheme }: Parts): boolean {
  return joiner === undefined || joiner.scheme === scheme || (joiner.scheme === "ipc" && scheme === "tcp")
}

function machineOf(joiner: Parts | undefined): string | undefined {
  return joiner?.scheme === "ipc" ? "127.0.0.1" : joiner?.host
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.") || host.startsWith("::ffff:127.")
}

/** Undefined for what is no address. */
function partsOf(text: string): Parts | undefined {
  try {
    const { scheme, rest } = parseAddress(text)
    if (!networked.has(scheme)) return { scheme, host: undefined, port: 0, path: "" }
    const slash = rest.indexOf("/")
    const { host, port } = parseTcp(slash < 0 ? rest : rest.slice(0, slash))
    const anywhere = host === undefined || everywhere.has(host)
    return { scheme, host: anywhere ? undefined : host, port, path: slash < 0 ? "" : rest.slice(slash) }
  } catch {
    return undefined
  }
}

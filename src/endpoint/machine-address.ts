/**
 * Addresses by the machine they name. An endpoint says where it listens in its own words, and "every interface" or "this
 * machine" mean another machine to whoever hears them: these are read here, and written again for another machine.
 */
import { parseAddress, parseTcp } from "../transport/address.ts"

export interface MachineAddress {
  readonly scheme: string
  /** Undefined where addresses of the scheme name no machine, such as `ipc://`. */
  readonly at: { readonly machine: string | undefined; readonly port: number; readonly path: string } | undefined
}

/** Schemes whose addresses name a machine and a port. */
const networked = new Set(["tcp", "ws", "wss"])
const everywhere = new Set(["0.0.0.0", "::"])

/** Undefined for what is no address; a machine is undefined for every interface. */
export function readMachineAddress(text: string): MachineAddress | undefined {
  try {
    const { scheme, rest } = parseAddress(text)
    if (!networked.has(scheme)) return { scheme, at: undefined }
    const slash = rest.indexOf("/")
    const { host, port } = parseTcp(slash < 0 ? rest : rest.slice(0, slash))
    const machine = host === undefined || everywhere.has(host) ? undefined : host.replace(/^::ffff:(?=\d)/i, "")
    return { scheme, at: { machine, port, path: slash < 0 ? "" : rest.slice(slash) } }
  } catch {
    return undefined
  }
}

/** The same port and path on that machine. */
export function onMachine({ scheme, at }: MachineAddress, machine: string): string {
  return `${scheme}://${machine.includes(":") ? `[${machine}]` : machine}:${at!.port}${at!.path}`
}

export function isLoopback(machine: string): boolean {
  return /^(127\.|localhost$|::1$)/i.test(machine)
}

/** Where the relays of a host's own threads listen, and where they find their host. */
import { onMachine, readMachineAddress } from "../endpoint/machine-address.ts"

/** For the relay of that number, from 1: as the host listens, at a port of its own, which for TCP may be given. */
export function relayListens(listen: readonly string[], number: number, port = 0): string[] {
  const found: string[] = []
  let given = port
  for (const address of listen) {
    const at = readMachineAddress(address)
    if (at === undefined || at.scheme === "inproc") continue
    if (at.at !== undefined) {
      found.push(onMachine({ ...at, at: { ...at.at, port: at.scheme === "tcp" ? given : 0 } }, at.at.machine ?? "*"))
      if (at.scheme === "tcp") given = 0
    } else found.push(address.endsWith("*") ? address : `${address}.${number}`)
  }
  return found
}

/** The host as its own threads dial it, the shortest way first. */
export function hostDials(bound: readonly string[]): string[] {
  const found: string[] = []
  for (const address of bound) {
    const at = readMachineAddress(address)
    if (at === undefined || at.scheme === "inproc") continue
    if (at.at === undefined) found.unshift(address)
    else if (at.at.machine !== undefined) found.push(address)
    else found.push(onMachine(at, address.includes("[::]") ? "::1" : "127.0.0.1"))
  }
  return found
}

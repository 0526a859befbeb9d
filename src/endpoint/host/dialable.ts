/** Where a joiner can dial a relay: the relay's own words, made to fit what the joiner dials and where the host sees the relay. */
import { isLoopback, type MachineAddress, onMachine, readMachineAddress } from "../machine-address.ts"

/**
 * Those of the addresses that the joiner can dial, by the scheme and machine it dialled here. One on every interface names
 * no machine: that is where the host sees the relay come from (`remote`), or, when the relay is on the host's own machine,
 * the one that the joiner dialled.
 */
export function dialableFrom(addresses: readonly string[], remote: string, dialled: string): string[] {
  const joiner = readMachineAddress(dialled)
  const joiners = joiner?.scheme === "ipc" ? "127.0.0.1" : joiner?.at?.machine
  const found: string[] = []
  for (const address of addresses) {
    const own = readMachineAddress(address)
    if (own === undefined || !speaks(joiner, own)) continue
    const { at } = own
    if (at === undefined) found.push(address)
    else if (at.machine === undefined) {
      const seen = readMachineAddress(remote)?.at?.machine
      const machine = seen === undefined || isLoopback(seen) ? joiners : seen
      if (machine !== undefined) found.push(onMachine(own, machine))
    } else if (!isLoopback(at.machine) || isLoopback(joiners ?? at.machine)) found.push(address)
  }
  return found
}

/** A page speaks WebSocket only; who came by a path of this machine can come by TCP as well. */
function speaks(joiner: MachineAddress | undefined, { scheme }: MachineAddress): boolean {
  return joiner === undefined || joiner.scheme === scheme || (joiner.scheme === "ipc" && scheme === "tcp")
}

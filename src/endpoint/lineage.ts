/**
 * Who else could take an endpoint in: the hosts above its own, its host's other clients that listen, and those who may
 * become root. Its host says so with ACCEPT and, on change, with PATH_CHANGE; it is believed within bounds, and only as a
 * hint: the JOIN decides.
 */
import { utf8 } from "../core/bytes.ts"
import { isLoopback, onMachine, readMachineAddress } from "./machine-address.ts"

/** An endpoint that listens, and where. */
export interface Candidate {
  /** Sixteen octets, or none for one known by its address only. */
  readonly endpointId: Uint8Array
  readonly name: string
  readonly addresses: readonly string[]
  readonly voterId: Uint8Array
}

/** What a host tells its clients of whom to ask when it is gone. */
export interface LineageLists {
  /** From the root to the host. */
  readonly ancestors: readonly Candidate[]
  /** The host's clients that listen, in the order in which they would take its place. */
  readonly succession: readonly Candidate[]
  readonly voters: readonly Candidate[]
}

/** Candidates in one list. */
export const candidatesMax = 16
/** Addresses of one candidate. */
const candidateAddressesMax = 8
/** Octets of one address. */
const candidateAddressBytesMax = 256
const candidateNameLength = 64

export class Lineage implements LineageLists {
  ancestors: readonly Candidate[] = []
  succession: readonly Candidate[] = []
  voters: readonly Candidate[] = []
  readonly #listeners = new Set<() => void>()

  /** The host has said so; `address` is where it was dialled. */
  learn(lists: LineageLists, address: string): void {
    const before = lineageKey(this)
    this.ancestors = bounded(lists.ancestors, address)
    this.succession = bounded(lists.succession, address)
    this.voters = bounded(lists.voters, address)
    if (lineageKey(this) !== before) for (const listener of this.#listeners) listener()
  }

  /** Calls back whenever something else is known. */
  onChanged(listener: () => void): void {
    this.#listeners.add(listener)
  }
}

/** What of these can be kept and passed on. Addresses of the machine itself are those of whoever was dialled there. */
export function bounded(candidates: readonly Candidate[], toldBy: string): Candidate[] {
  return candidates
    .slice(0, candidatesMax)
    .filter(({ endpointId }) => endpointId.length === 16 || endpointId.length === 0)
    .map(({ endpointId, name, addresses, voterId }) => ({
      endpointId: endpointId.slice(),
      name: name.slice(0, candidateNameLength),
      addresses: boundedAddresses(addresses, toldBy),
      voterId: voterId.slice(0, 16),
    }))
}

/** As many as may be kept of one endpoint's addresses, each as it can be dialled from here. */
export function boundedAddresses(addresses: readonly string[], toldBy: string): string[] {
  return addresses
    .filter(address => utf8(address).length <= candidateAddressBytesMax)
    .slice(0, candidateAddressesMax)
    .map(address => asSeenFrom(address, toldBy))
}

/**
 * An address as it was told, for somebody who reaches the teller at `toldBy`: what is local to the teller's machine is at
 * that machine.
 */
export function asSeenFrom(address: string, toldBy: string): string {
  const own = readMachineAddress(address)
  if (own?.at === undefined) return address
  const { machine } = own.at
  if (machine !== undefined && !isLoopback(machine)) return address
  return onMachine(own, readMachineAddress(toldBy)?.at?.machine ?? machine ?? "127.0.0.1")
}

/** Equal for equal lists. */
export function lineageKey({ ancestors, succession, voters }: LineageLists): string {
  return [ancestors, succession, voters]
    .map(list => list.map(({ endpointId, addresses }) => [...endpointId, ...addresses].join(" ")).join(","))
    .join(";")
}

/** What a caller may give of a host that votes, looked at before anything is opened. */
import { addressesMax, isAddressText } from "../coordination/root-record.ts"
import { ZincError } from "../core/errors.ts"
import { badAddress, parseAddress, parseTcp } from "../transport/address.ts"
import { addresses as checkAddresses } from "./governed-options.ts"

export interface GivenPlaces {
  readonly seeds?: readonly string[] | undefined
  readonly advertise?: readonly string[] | undefined
}

/** Throws `BadOption` for what is no list of different addresses, and `BadAddress` for one that nobody can dial. */
export function checkPlaces({ seeds, advertise }: GivenPlaces): void {
  checkList("seeds", seeds)
  checkList("advertise", advertise)
  if (advertise !== undefined && (advertise.length === 0 || advertise.length > addressesMax))
    throw new ZincError("BadOption", `advertise has ${advertise.length} addresses; give 1 to ${addressesMax}`)
}

function checkList(name: string, addresses: readonly string[] | undefined): void {
  if (addresses === undefined) return
  checkAddresses(name, addresses)
  for (const [at, address] of addresses.entries()) {
    checkDialable(address)
    if (addresses.indexOf(address) < at)
      throw new ZincError("BadOption", `${name} has ${address} twice; each voter has an address of its own`)
  }
}

function checkDialable(address: unknown): void {
  const { scheme, rest } = parseAddress(String(address))
  if (!isAddressText(address)) throw badAddress(String(address), "it is too long, or holds a space")
  if (scheme !== "tcp") return
  const { host, port } = parseTcp(rest)
  if (host === undefined || port === 0)
    throw badAddress(address, "it is one to listen at; others dial a host and a port, such as tcp://10.0.0.1:7700")
}

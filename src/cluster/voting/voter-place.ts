/** Where a voter is found, as VOTER_HELLO, VOTER_WELCOME and VOTER_JOIN say it. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import { addressesMax, isAddressText } from "../../coordination/root-record.ts"
import { ZincError } from "../../core/errors.ts"
import type { EndpointId } from "../../core/id.ts"
import { endpointIdFromBytes, endpointIdToBytes } from "../../core/id.ts"
import { isName } from "../../core/name.ts"
import type { VoterPlace } from "../../message/control.ts"
import type { VoterPlaceSchema } from "../../message/generated/control_pb.ts"
import type { VoterEntry, VoterId } from "../election/root-record.ts"

export function placeTo({ voterId, name, addresses, direct }: VoterEntry): MessageInitShape<typeof VoterPlaceSchema> {
  return {
    voterId: endpointIdToBytes(voterId as EndpointId),
    name: name ?? "",
    addresses: [...addresses],
    direct: direct === true,
  }
}

/** Throws `BadFrame`. */
export function placeFrom(place: VoterPlace | undefined): VoterEntry {
  if (place === undefined) throw new ZincError("BadFrame", "a voter does not say who it is")
  const { name, addresses, direct } = place
  if (addresses.length > addressesMax || !addresses.every(isAddressText) || !(name === "" || isName(name)))
    throw new ZincError("BadFrame", "a voter's name or addresses are none")
  return {
    voterId: voterIdFrom(place.voterId),
    ...(name === "" ? {} : { name }),
    addresses,
    ...(direct ? { direct } : {}),
  }
}

function voterIdFrom(octets: Uint8Array): VoterId {
  if (octets.length !== 16) throw new ZincError("BadFrame", `a voter id of ${octets.length} octets instead of sixteen`)
  return endpointIdFromBytes(octets)
}

/** Whether both say the same of where that voter is found. */
export function samePlace(a: VoterEntry, b: VoterEntry): boolean {
  return (
    a.voterId === b.voterId &&
    a.name === b.name &&
    (a.direct ?? false) === (b.direct ?? false) &&
    sameAddresses(a.addresses, b.addresses)
  )
}

export function sameAddresses(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address, at) => address === b[at])
}

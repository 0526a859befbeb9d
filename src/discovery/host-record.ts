/**
 * What those who look for a host are told of one. It is a hint: it may be old, wrong or hostile, and only the join decides.
 * Stores hold it as JSON; docs/protocol/records.md specifies that, with golden vectors.
 */
import { fromUtf8, utf8 } from "../core/bytes.ts"
import { messageOf, ZincError } from "../core/errors.ts"
import { isEndpointId } from "../core/id.ts"
import { isName, nameBytesMax } from "../core/name.ts"

/** Only the addresses are always known: a seed or a name in DNS says nothing more. */
export interface HostRecord {
  /** Where to dial, in the order in which to try; 1 – 8, each 1–256 octets. */
  readonly addresses: readonly string[]
  /** The endpoint's id, new for each opening. */
  readonly id?: string
  /** The endpoint's name, 1–64 octets. */
  readonly name?: string
  /** The tree's generation, written as a UUID. */
  readonly generation?: string
  /** The epoch it lives in. */
  readonly epoch?: number
  /** Hosts above it; 0 for the root. */
  readonly depth?: number
  /** How many more clients it would take. */
  readonly free?: number
}

/** A host that speaks for itself: it has an id and a name. */
export type AnnouncedHost = HostRecord & Required<Pick<HostRecord, "id" | "name">>

/** Octets of one record as stored. */
export const hostBytesMax: number = 4 * 1024
/** Hosts of one tree that are kept in sight; what is beyond is counted as refused. */
export const hostsMax: number = 10_000
const addressesMax = 8
const addressBytesMax = 256
const formVersion = 1
const countMax = 0xffff_ffff

/** The stored octets. Throws `BadOption` for a record outside its limits. */
export function encodeHostRecord(tree: string, host: AnnouncedHost): Uint8Array {
  const { id, name, addresses, generation, epoch, depth, free } = host
  const bytes = utf8(JSON.stringify({ zinc: formVersion, tree, id, name, addresses, generation, epoch, depth, free }))
  try {
    decodeHostRecord(bytes, tree)
  } catch (cause) {
    throw new ZincError("BadOption", `this host cannot be announced: ${messageOf(cause)}`, { cause })
  }
  return bytes
}

/** Reads what a store holds of a host of that tree. Throws `BadRecord` for anything else. Unknown fields are ignored. */
export function decodeHostRecord(bytes: Uint8Array, tree: string): AnnouncedHost {
  if (bytes.length > hostBytesMax) throw bad(`it has more than ${hostBytesMax} octets`)
  let fields: Record<string, unknown>
  try {
    fields = JSON.parse(fromUtf8(bytes)) as Record<string, unknown>
  } catch (cause) {
    throw bad("it is not JSON in UTF-8", cause)
  }
  if (typeof fields !== "object" || fields === null) throw bad("it is not an object")
  if (fields.zinc !== formVersion)
    throw bad(`it has the form ${String(fields.zinc).slice(0, 20)}, and ${formVersion} is known`)
  if (fields.tree !== tree) throw bad("it is of another tree")
  return checkedHost(fields)
}

/** Throws `BadRecord` unless the fields are those of a host that speaks for itself. */
export function checkedHost(fields: Readonly<Record<string, unknown>>): AnnouncedHost {
  const { id, name, addresses, generation } = fields
  if (typeof id !== "string" || !isEndpointId(id)) throw bad("its id is not a lower-case UUID")
  if (!isName(name)) throw bad(`its name is not a text of 1 to ${nameBytesMax} octets without control characters`)
  if (!Array.isArray(addresses) || addresses.length < 1 || addresses.length > addressesMax)
    throw bad(`it has not 1 to ${addressesMax} addresses`)
  if (!addresses.every(isAddressText)) throw bad(`an address is none, or longer than ${addressBytesMax} octets`)
  if (generation !== undefined && (typeof generation !== "string" || !isEndpointId(generation)))
    throw bad("its generation is not a lower-case UUID")
  return {
    addresses,
    id,
    name,
    ...(generation === undefined ? {} : { generation }),
    ...counts(fields),
  }
}

function counts(fields: Readonly<Record<string, unknown>>): Pick<HostRecord, "epoch" | "depth" | "free"> {
  const found: { epoch?: number; depth?: number; free?: number } = {}
  for (const name of ["epoch", "depth", "free"] as const) {
    const value = fields[name]
    if (value === undefined) continue
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > countMax)
      throw bad(`its ${name} is not a whole number from 0 to ${countMax}`)
    found[name] = value
  }
  return found
}

/** Whether it may stand for an address; whether it leads anywhere, only dialling tells. */
export function isAddressText(value: unknown): value is string {
  return typeof value === "string" && /^[a-z]+:\/\/[^\s\p{Cc}]+$/u.test(value) && utf8(value).length <= addressBytesMax
}

function bad(why: string, cause?: unknown): ZincError {
  return new ZincError("BadRecord", `a host's record is not one: ${why}`, cause === undefined ? {} : { cause })
}

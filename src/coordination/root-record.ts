/**
 * Who is root of a tree, as one small text that a store keeps: what it says, and how it is written. The form is JSON, so
 * that a person with the store's own shell can read it; docs/protocol/records.md specifies it, with golden vectors.
 */
import { fromUtf8, utf8 } from "../core/bytes.ts"
import { messageOf, ZincError } from "../core/errors.ts"
import { isEndpointId } from "../core/id.ts"
import { isName, nameBytesMax } from "../core/name.ts"

/** Names a voter for as long as its data folder lasts: sixteen octets written as a UUID. No folder, no vote (R1). */
export type VoterId = string

/** Drawn when a tree is founded: sixteen octets written as a UUID. Two generations that meet refuse each other. */
export type GenerationId = string

/** The record of one tree. Plain data; never changed in place. */
export interface RootRecord {
  /** The tree's name, 1–64 octets of UTF-8. */
  readonly tree: string
  readonly generation: GenerationId
  /** Rises by one with every change of the record, so that copies of it can be compared; 1 – 2⁵³ − 1. */
  readonly revision: number
  /** The number of the root's reign, 1 – 2³² − 1. A higher one fences all lower ones of the same generation. */
  readonly epoch: number
  readonly root: RootPlace
  /** Who may vote, at most `votersMax`, none twice, in the order of their succession. A majority is of these, alive or not. */
  readonly voters: readonly VoterEntry[]
  /** Fields of a later Zinc, kept as they came, so that an older writer does not take them away. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** Where a voter is found. */
export interface VoterEntry {
  readonly voterId: VoterId
  /** 1–64 octets of UTF-8, for people. */
  readonly name?: string
  /** Where it listens, in the order in which to try; at most `addressesMax`. */
  readonly addresses: readonly string[]
  /**
   * Nothing stands between us and the process at the addresses (no proxy, no firewall that rejects), so that a refused dial
   * proves that it has ended (R4).
   */
  readonly direct?: boolean
}

/** The root: a voter, and the endpoint that it is now. */
export interface RootPlace extends VoterEntry {
  /** The endpoint's id, new for each opening. */
  readonly id?: string
}

/** Octets of one record as stored. */
export const recordBytesMax: number = 16 * 1024
/** Voters of one tree: three or five, and one more or less while the set changes. */
export const votersMax: number = 7
/** Addresses of one endpoint. */
export const addressesMax: number = 8
/** Octets of one address. */
export const addressBytesMax: number = 256

const formVersion = 1
const epochMax = 0xffff_ffff
const ownFields = new Set(["zinc", "tree", "generation", "revision", "epoch", "root", "voters"])

/** The stored octets. Throws `BadOption` for a record outside its limits. */
export function encodeRootRecord(record: RootRecord): Uint8Array {
  const { tree, generation, revision, epoch, root, voters } = record
  const text = JSON.stringify({
    zinc: formVersion,
    tree,
    generation,
    revision,
    epoch,
    root: place(root),
    voters: voters.map(place),
    ...Object.fromEntries(Object.entries(record.extra ?? {}).filter(([name]) => !ownFields.has(name))),
  })
  const bytes = utf8(text)
  try {
    decodeRootRecord(bytes, tree)
  } catch (cause) {
    throw new ZincError("BadOption", `this root record cannot be written: ${messageOf(cause)}`, { cause })
  }
  return bytes
}

/** In the order of the written form, and nothing else that the caller's objects may carry. What is undefined is left out. */
function place({ voterId, id, name, addresses, direct }: RootPlace): object {
  return { voterId, id, name, addresses, direct }
}

/** Reads what a store holds for that tree. Throws `BadRecord` for anything but a whole, sane record of it. */
export function decodeRootRecord(bytes: Uint8Array, tree: string): RootRecord {
  if (bytes.length > recordBytesMax)
    throw bad(`it has ${bytes.length} octets, and at most ${recordBytesMax} are allowed`)
  const fields = objectOf("the record", parsed(bytes))
  if (typeof fields.zinc !== "number") throw bad('it has no "zinc": something else wrote it')
  if (fields.zinc !== formVersion)
    throw bad(`it has the form ${fields.zinc}, and this Zinc knows ${formVersion}: upgrade this one`)
  const found = nameOf("tree", fields.tree)
  if (found !== tree) throw bad(`it is of the tree "${found}"`)
  const root = objectOf("root", fields.root)
  const voters = listOf("voters", fields.voters, votersMax).map(each => voterOf(objectOf("a voter", each)))
  if (new Set(voters.map(each => each.voterId)).size < voters.length) throw bad("a voter is named twice")
  const extra = Object.entries(fields).filter(([name]) => !ownFields.has(name))
  return {
    tree,
    generation: idOf("generation", fields.generation),
    revision: countOf("revision", fields.revision, Number.MAX_SAFE_INTEGER),
    epoch: countOf("epoch", fields.epoch, epochMax),
    root: { ...voterOf(root), ...(root.id === undefined ? {} : { id: idOf("root.id", root.id) }) },
    voters,
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  }
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw bad("it is not JSON in UTF-8", cause)
  }
}

function voterOf({ voterId, name, addresses, direct }: Record<string, unknown>): VoterEntry {
  const places = listOf("addresses", addresses, addressesMax)
  for (const address of places) {
    if (!isAddressText(address)) throw bad(`an address is not a text of 1 to ${addressBytesMax} octets`)
  }
  if (direct !== undefined && typeof direct !== "boolean") throw bad("direct is neither true nor false")
  return {
    voterId: idOf("voterId", voterId),
    ...(name === undefined ? {} : { name: nameOf("name", name) }),
    addresses: places as string[],
    ...(direct === undefined ? {} : { direct }),
  }
}

/** Whether it may stand for an address in a record; whether it leads anywhere, only dialling tells. */
export function isAddressText(value: unknown): value is string {
  return typeof value === "string" && /^[a-z]+:\/\/\S+$/.test(value) && utf8(value).length <= addressBytesMax
}

function objectOf(what: string, value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad(`${what} is not an object`)
  return value as Record<string, unknown>
}

function listOf(what: string, value: unknown, most: number): unknown[] {
  if (!Array.isArray(value)) throw bad(`${what} is not a list`)
  if (value.length > most) throw bad(`${what} has ${value.length} entries, and at most ${most} are allowed`)
  return value
}

function nameOf(what: string, value: unknown): string {
  if (!isName(value)) throw bad(`${what} is not a text of 1 to ${nameBytesMax} octets without control characters`)
  return value
}

function idOf(what: string, value: unknown): string {
  if (typeof value !== "string" || !isEndpointId(value)) throw bad(`${what} is not a lower-case UUID`)
  return value
}

function countOf(what: string, value: unknown, most: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > most)
    throw bad(`${what} is not a whole number from 1 to ${most}`)
  return value
}

function bad(why: string, cause?: unknown): ZincError {
  return new ZincError("BadRecord", `the root record is not one: ${why}`, cause === undefined ? {} : { cause })
}

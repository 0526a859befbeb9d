/**
 * A host as DNS-SD records (RFC 6763): one service of the type `_zinc._tcp`, named after the endpoint's id, whose TXT record says
 * all that Zinc needs. docs/protocol/records.md specifies it. No I/O.
 */
import { fromUtf8, utf8 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { type AnnouncedHost, checkedHost } from "../host-record.ts"

export const serviceType = "_zinc._tcp.local"
export const servicesType = "_services._dns-sd._udp.local"
/** Octets of all texts of one host, so that its answer fits into one packet of any network. */
export const textBytesMax: number = 1_000

/** The records of the packets that we send and read, as the packet library has them. */
export type DnsRecord =
  | { readonly type: "PTR"; readonly name: string; readonly ttl: number; readonly data: string }
  | { readonly type: "TXT"; readonly name: string; readonly ttl: number; readonly data: readonly Uint8Array[] }
  | { readonly type: "A"; readonly name: string; readonly ttl: number; readonly data: string }
  | {
      readonly type: "SRV"
      readonly name: string
      readonly ttl: number
      readonly data: {
        readonly port: number
        readonly target: string
        readonly priority: number
        readonly weight: number
      }
    }

export function instanceOf(id: string): string {
  return `${id}.${serviceType}`
}

/** The texts of the TXT record. Throws `BadOption` when they are too many for one packet. */
export function textsOf(tree: string, host: AnnouncedHost): Uint8Array[] {
  const { id, name, addresses, generation, epoch, depth, free } = host
  const texts = [`zinc=1`, `tree=${tree}`, `id=${id}`, `name=${name}`]
  for (const [key, value] of Object.entries({ generation, epoch, depth, free }))
    if (value !== undefined) texts.push(`${key}=${value}`)
  for (const [i, address] of addresses.entries()) texts.push(`a${i}=${address}`)
  const octets = texts.map(utf8)
  if (octets.some(each => each.length > 255) || octets.reduce((sum, each) => sum + each.length + 1, 0) > textBytesMax)
    throw new ZincError(
      "BadOption",
      `"${name}" says more than fits into one packet: announce fewer or shorter addresses`,
    )
  return octets
}

/** All records of a host; with `ttl` 0 they say good-bye. */
export function recordsOf(tree: string, host: AnnouncedHost, ttl: number): DnsRecord[] {
  const name = instanceOf(host.id)
  const target = `${host.id}.local`
  const places = host.addresses.flatMap(address => /^tcp:\/\/(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(address)?.slice(1) ?? [])
  return [
    { type: "PTR", name: serviceType, ttl, data: name },
    { type: "SRV", name, ttl, data: { port: Number(places[1] ?? 0), target, priority: 0, weight: 0 } },
    { type: "TXT", name, ttl, data: textsOf(tree, host) },
    ...(places[0] === undefined ? [] : [{ type: "A", name: target, ttl, data: places[0] } as const]),
  ]
}

/** The id that a TXT record's name stands for, if it is one of our services. */
export function idOfInstance(name: string): string | undefined {
  const lower = name.toLowerCase()
  return lower.endsWith(`.${serviceType}`) ? lower.slice(0, -serviceType.length - 1) : undefined
}

/** Which tree a TXT record is of, and its host. Throws `BadRecord`. */
export function readTexts(id: string, texts: readonly Uint8Array[]): { tree: string; host: AnnouncedHost } {
  const fields: Record<string, unknown> = {}
  const addresses: [number, string][] = []
  for (const text of texts) {
    const [, key, value] = /^([a-z0-9]{1,16})=(.*)$/s.exec(readText(text)) ?? []
    if (key === undefined || value === undefined) continue
    const place = /^a(\d)$/.exec(key)
    if (place !== null) addresses.push([Number(place[1]), value])
    // As DNS-SD has it, the first of equal keys counts.
    else if (!(key in fields)) fields[key] = /^(epoch|depth|free)$/.test(key) ? wholeNumber(value) : value
  }
  if (fields.zinc !== "1") throw new ZincError("BadRecord", "a service on the LAN is no host of a form that we know")
  if (fields.id !== id) throw new ZincError("BadRecord", "a service on the LAN has another id than its name")
  const host = checkedHost({ ...fields, addresses: addresses.sort(([a], [b]) => a - b).map(([, address]) => address) })
  return { tree: String(fields.tree), host }
}

function wholeNumber(text: string): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
}

function readText(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes)
  } catch {
    return ""
  }
}

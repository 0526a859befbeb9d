/**
 * What libzmq takes as the value of an option; the bounds themselves stand in `option-table.ts`. The test beside it sets
 * the same values with npm `zeromq`.
 */
import { isIP } from "node:net"
import { ZincError } from "../core/errors.ts"
import { fromZ85, toZ85 } from "../core/z85.ts"
import { errnoError } from "./errors.ts"
import type { Option, OptionType, OptionValue } from "./option-table.ts"

/** Of a CURVE key. */
export const keyOctets = 32
const addressBits: Readonly<Record<number, number>> = { 4: 32, 6: 128 }

/** The value as it is kept. Throws `EINVAL` when libzmq would. */
export function fitting(option: Option, value: OptionValue): OptionValue {
  if (typeof value === "number") return number(option, asType(option.type, value))
  if (typeof value === "boolean") return value
  if (value === null) {
    if (option.needed) throw errnoError("EINVAL")
    return value
  }
  return text(option, value)
}

function number({ min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, step = 1 }: Option, value: number) {
  const whole = Math.trunc(value / step) * step + 0
  if (whole < min || whole > max) throw errnoError("EINVAL")
  return whole
}

/** As Node-API gives a number to C: small types keep the low bits, large ones end where they end. */
function asType(type: OptionType, value: number): number {
  if (type === "Int32") return value | 0
  if (type === "Uint32") return value >>> 0
  if (!Number.isFinite(value)) return 0
  const [least, most] = type === "Int64" ? [-(2 ** 63), 2 ** 63] : [0, 2 ** 64]
  return Math.min(Math.max(Math.trunc(value), least), most) + 0
}

function text({ octets, form }: Option, value: string): string {
  if (form === "key") return key(value)
  const length = Buffer.byteLength(value)
  if (octets !== undefined && (length < octets[0] || length > octets[1])) throw errnoError("EINVAL")
  if (form === "addresses" && !isAddresses(value)) throw errnoError("EINVAL")
  return value
}

/** 32 octets become the text that says them. */
function key(value: string): string {
  const octets = Buffer.from(value)
  if (octets.length === keyOctets) return toZ85(octets)
  try {
    if (fromZ85(value).length === keyOctets) return value
  } catch (thrown) {
    if (!ZincError.is(thrown)) throw thrown
  }
  throw errnoError("EINVAL")
}

function isAddresses(value: string): boolean {
  const [address = "", prefix = "0", more] = value.split("/")
  return more === undefined && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (addressBits[isIP(address)] ?? -1)
}

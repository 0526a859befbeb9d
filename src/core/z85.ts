/**
 * Z85 (rfc:32): four octets as five printable characters, which survive shells, URLs in quotes and source code. CURVE
 * keys travel in it: 32 octets are 40 characters.
 */
import { ZincError } from "./errors.ts"

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
const values: ReadonlyMap<string, number> = new Map([...alphabet].map((character, value) => [character, value]))

/** Throws `BadOption` when the length is not a multiple of four. */
export function toZ85(bytes: Uint8Array): string {
  if (bytes.length % 4 !== 0) throw new ZincError("BadOption", `Z85 takes octets by fours, not ${bytes.length}`)
  let text = ""
  for (let at = 0; at < bytes.length; at += 4) {
    const value = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
    for (let power = 85 ** 4; power >= 1; power /= 85) text += alphabet[Math.floor(value / power) % 85]
  }
  return text
}

/** Throws `BadOption` for anything that `toZ85` would not have written. The text is not repeated in the message: it may be a secret. */
export function fromZ85(text: string): Uint8Array {
  if (text.length % 5 !== 0) throw new ZincError("BadOption", `Z85 comes in fives of characters, not ${text.length}`)
  const bytes = new Uint8Array((text.length / 5) * 4)
  for (let at = 0, out = 0; at < text.length; at += 5, out += 4) {
    let value = 0
    for (let i = at; i < at + 5; i++) {
      const digit = values.get(text[i]!)
      if (digit === undefined) throw new ZincError("BadOption", `character ${i + 1} does not belong to Z85`)
      value = value * 85 + digit
    }
    if (value > 0xffff_ffff)
      throw new ZincError("BadOption", `characters ${at + 1} to ${at + 5} are beyond Z85's range`)
    bytes[out] = value >>> 24
    bytes[out + 1] = value >>> 16
    bytes[out + 2] = value >>> 8
    bytes[out + 3] = value
  }
  return bytes
}

/**
 * Topics private to one link (L2, L3): `~`, the link id in eight hex digits, sixteen hex digits that nobody can guess,
 * a dot. What follows says what it is for: `d` for direct messages, a decimal SYNC number for that SYNC's baseline.
 */
import { fromUtf8, toHex, utf8 } from "../core/bytes.ts"
import type { Random } from "../core/random.ts"
import { TopicKind } from "../message/topic.ts"

export const privatePrefixBytes = 26

export function newPrivatePrefix(link: number, random: Random): Uint8Array {
  return utf8(`~${link.toString(16).padStart(8, "0")}${toHex(random.bytes(8))}.`)
}

export function directTopicBytes(prefix: Uint8Array): Uint8Array {
  return withSuffix(prefix, "d")
}

export function baselineTopicBytes(prefix: Uint8Array, sync: number): Uint8Array {
  return withSuffix(prefix, String(sync))
}

/** The SYNC number a private topic names, or undefined when it names none. */
export function syncNumberOf(topic: Uint8Array): number | undefined {
  const rest = topic.subarray(privatePrefixBytes, topic.length - 1)
  if (topic[topic.length - 1] !== 0 || rest.length === 0 || rest.length > 10) return undefined
  for (const octet of rest) if (octet < 0x30 || octet > 0x39) return undefined
  return Number(fromUtf8(rest))
}

/** Frame 0 of direct messages on their way up; the target stands in an extension. */
export const directUpTopic: Uint8Array = utf8("~to\0")

/** Followed by every client; carries marks. */
export const markTopic: Uint8Array = utf8("mmark\0")

export function isPrivate(bytes: Uint8Array, at = 0): boolean {
  return bytes[at] === TopicKind.Private
}

function withSuffix(prefix: Uint8Array, suffix: string): Uint8Array {
  const text = utf8(`${suffix}\0`)
  const bytes = new Uint8Array(prefix.length + text.length)
  bytes.set(prefix)
  bytes.set(text, prefix.length)
  return bytes
}

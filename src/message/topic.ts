/**
 * Topics as people write them, and as octets on the wire: a kind octet, the name in UTF-8, a terminating zero. The
 * zero makes a subscription to one exact topic possible over ZeroMQ, whose subscriptions are prefixes; a trailing `*`
 * is the only wildcard and leaves the zero out. See docs/protocol/envelope.md.
 */
import { fromUtf8, utf8 } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"

/** The first octet of every topic. The route is a property of the topic (DESIGN L5). */
export const TopicKind = {
  /** "n": every host passes a frame on at once, to its cluster and upward. */
  Nearest: 0x6e,
  /** "o": numbered by the root; one total order per topic. */
  Ordered: 0x6f,
  /** "d": fragments of a commutative document. */
  Document: 0x64,
  /** "s": fragments of a host-sequenced document. */
  Sequenced: 0x73,
  /** "p": who is present in a document, told by the host. */
  Presence: 0x70,
  /** "m": Zinc's own, followed by every client. */
  System: 0x6d,
  /** "~": private to one link; never travels up. */
  Private: 0x7e,
} as const
export type TopicKind = (typeof TopicKind)[keyof typeof TopicKind]

/** How frames of a topic travel. */
export const Route = { Nearest: "nearest", Ordered: "ordered" } as const
export type Route = (typeof Route)[keyof typeof Route]

/** Most octets of a topic on the wire, kind and zero included (libzmq 4.3.4 breaks longer subscriptions: S5). */
export const topicBytesMax = 240

/** The octets of one exact topic. Throws `BadTopic`. */
export function encodeTopic(kind: TopicKind, name: string): Uint8Array {
  if (typeof name === "string" && name.endsWith("*")) throw badTopic(name, "a topic to send to has no wildcard")
  return encode(kind, name, true)
}

/** The octets to subscribe to: an exact topic, or, for a name ending in `*`, the prefix before it. Throws `BadTopic`. */
export function encodePattern(kind: TopicKind, pattern: string): Uint8Array {
  return typeof pattern === "string" && pattern.endsWith("*")
    ? encode(kind, pattern.slice(0, -1), false)
    : encode(kind, pattern, true)
}

function encode(kind: TopicKind, name: string, whole: boolean): Uint8Array {
  if (typeof name !== "string") throw badTopic(String(name), "a topic is a string")
  if (whole && name.length === 0) throw badTopic(name, "a topic is not empty")
  if (name.includes("\0") || name.includes("*")) throw badTopic(name, 'a topic holds no zero and "*" only at its end')
  if (/\p{Surrogate}/u.test(name)) throw badTopic(name, "half a surrogate pair is no text")
  const text = utf8(name)
  if (text.length + 2 > topicBytesMax)
    throw badTopic(name, `a topic is at most ${topicBytesMax - 2} octets of UTF-8, this has ${text.length}`)
  const bytes = new Uint8Array(1 + text.length + (whole ? 1 : 0))
  bytes[0] = kind
  bytes.set(text, 1)
  return bytes
}

/** Whether these octets are an exact topic, as `encodeTopic` gives it, and no pattern. */
export function isTopic(bytes: Uint8Array): boolean {
  const end = bytes.length - 1
  return (
    end >= 2 &&
    bytes.length <= topicBytesMax &&
    bytes[end] === 0 &&
    kinds.has(bytes[0]!) &&
    bytes.indexOf(0) === end &&
    !bytes.includes(wildcard)
  )
}

/** Reads an exact topic. Throws `BadFrame`. */
export function decodeTopic(bytes: Uint8Array): { readonly kind: TopicKind; readonly name: string } {
  if (!isTopic(bytes)) throw new ZincError("BadFrame", "a peer sent a topic that is not a kind, a name and a zero")
  return { kind: bytes[0] as TopicKind, name: fromUtf8(bytes.subarray(1, bytes.length - 1)) }
}

/** Whether a pattern (as `encodePattern` gives it) takes in a topic (as `encodeTopic` gives it): a prefix of octets. */
export function patternTakesIn(pattern: Uint8Array, topic: Uint8Array): boolean {
  if (pattern.length > topic.length) return false
  for (let i = 0; i < pattern.length; i++) if (pattern[i] !== topic[i]) return false
  return true
}

const wildcard = 0x2a
const kinds: ReadonlySet<number> = new Set(Object.values(TopicKind))

function badTopic(name: string, advice: string): ZincError {
  return new ZincError("BadTopic", `"${name.slice(0, 80)}" cannot be a topic: ${advice}`)
}

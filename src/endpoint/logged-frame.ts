/** A message of an ordered topic as the voters' log keeps it: its header, without what belongs to one leg, and its payload. */
import { readU16, writeU32, writeU64 } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"
import { At, Flag, headerBytes } from "../message/header.ts"
import { decodeTopic, encodeTopic, TopicKind } from "../message/topic.ts"
import { Frame } from "./frame.ts"
import type { TopicState } from "./topic-state.ts"

const legFlags = Flag.Up | Flag.Again | Flag.Prompt

export function frameToLog(header: Uint8Array, payload: Uint8Array): Uint8Array {
  const octets = new Uint8Array(header.length + payload.length)
  octets.set(header)
  octets.set(payload, header.length)
  octets[At.Flags]! &= ~legFlags
  // The session is a secret of the leg (L4).
  octets.fill(0, At.Session, headerBytes)
  return octets
}

/** The message with its place. Throws `BadFrame`. */
export function frameFromLog(octets: Uint8Array, epoch: number, order: number): Frame {
  const end = octets.length < headerBytes ? 0 : headerBytes + readU16(octets, At.ExtensionLength)
  if (end === 0 || end > octets.length) throw new ZincError("BadFrame", "an entry of the ordered log holds no message")
  const header = octets.slice(0, end)
  writeU32(header, At.Epoch, epoch)
  writeU64(header, At.Order, order)
  return Frame.over(header, octets.subarray(end))
}

/** What the log calls an ordered topic: a letter for its kind, and its name. */
export function streamOf(topic: TopicState): string {
  return `${topic.kind === TopicKind.Ordered ? "o" : "s"}${topic.name}`
}

/** The topic's octets. Throws `BadTopic`. */
export function topicOfStream(stream: string): Uint8Array {
  const kind = stream[0] === "o" ? TopicKind.Ordered : TopicKind.Sequenced
  const bytes = encodeTopic(kind, stream.slice(1))
  decodeTopic(bytes)
  return bytes
}

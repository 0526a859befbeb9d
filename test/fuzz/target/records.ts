/** What is read out of one piece of octets: headers, topics, control messages, documents' messages, votes, records. */

import { decodeVoterFrame, encodeVoterFrame } from "../../../src/cluster/election/wire.ts"
import { decodeRootRecord, encodeRootRecord } from "../../../src/coordination/root-record.ts"
import { toHex, utf8 } from "../../../src/core/bytes.ts"
import { ZincError } from "../../../src/core/errors.ts"
import { decodeHostRecord, encodeHostRecord } from "../../../src/discovery/host-record.ts"
import {
  DocumentLeaveSchema,
  DocumentPullSchema,
  DocumentPushReplySchema,
  DocumentPushSchema,
  DocumentSyncReplySchema,
  DocumentSyncRequestSchema,
  decodeMessage,
  PresenceFrameSchema,
  PresenceReplySchema,
  PresenceRequestSchema,
  readNotice,
} from "../../../src/document/document-message.ts"
import { decodeBaseline, decodeControl, decodeMark } from "../../../src/message/control.ts"
import { encodeExtensions, readExtensions } from "../../../src/message/extension.ts"
import { decodeHeader, encodeHeader, isHeader } from "../../../src/message/header.ts"
import { decodeTopic, encodeTopic } from "../../../src/message/topic.ts"
import { type FuzzTarget, must } from "../target.ts"
import { allHex, allText } from "../vectors.ts"

/** "taken", or the refusal that was thrown; anything else thrown is a finding. */
function tried(codes: readonly string[], read: () => void): string {
  try {
    read()
    return "taken"
  } catch (thrown) {
    if (ZincError.is(thrown) && codes.includes(thrown.code)) return `refused: ${thrown.code}`
    throw thrown
  }
}

const same = (bytes: Uint8Array, again: Uint8Array, what: string) =>
  must(toHex(bytes) === toHex(again), () => `${what} reads and writes as ${toHex(again).slice(0, 400)}`)

export const decoders: readonly FuzzTarget[] = [
  {
    name: "header",
    about: "the header of a message and its extensions: what is read writes again as it was",
    seeds: () => allHex("headers.json"),
    run: ({ bytes }) =>
      tried(["BadFrame"], () => {
        const up = isHeader(bytes, 0, bytes.length, true)
        const down = isHeader(bytes, 0, bytes.length, false)
        must(!(up && down), () => "a header that goes both ways")
        const header = decodeHeader(bytes)
        // One octet is kept for later and not read.
        same(bytes.slice().fill(0, 5, 6), encodeHeader(header), "the header")
        const extensions = readExtensions(bytes)
        readExtensions(encodeHeader({ ...header, extensions: encodeExtensions(extensions) }))
      }),
  },
  {
    name: "topic",
    about: "topics: what is read writes again as it was",
    seeds: () => allHex("topics.json"),
    bytesMax: 600,
    run: ({ bytes }) =>
      tried(["BadFrame"], () => {
        const { kind, name } = decodeTopic(bytes)
        same(bytes, encodeTopic(kind, name), "the topic")
      }),
  },
  {
    name: "control",
    about: "control messages, baselines and marks",
    seeds: () => allHex("control.json"),
    run: ({ bytes }) => {
      const told = tried(["BadFrame"], () => decodeControl(bytes))
      tried(["BadFrame"], () => decodeBaseline(bytes))
      tried(["BadFrame"], () => decodeMark(bytes))
      return told
    },
  },
  {
    name: "document",
    about: "messages of documents",
    seeds: () => allHex("document.json"),
    run: ({ bytes }) => {
      const told = tried(["BadFrame"], () => readNotice(bytes))
      for (const schema of [
        DocumentLeaveSchema,
        DocumentPullSchema,
        DocumentPushReplySchema,
        DocumentPushSchema,
        DocumentSyncReplySchema,
        DocumentSyncRequestSchema,
        PresenceFrameSchema,
        PresenceReplySchema,
        PresenceRequestSchema,
      ]) {
        tried(["BadFrame"], () => decodeMessage(schema, bytes))
      }
      return told
    },
  },
  {
    name: "vote",
    about: "frames between voters: what is read can be written and read again, the same",
    seeds: () => allHex("election.json"),
    run: ({ bytes }) =>
      tried(["BadFrame"], () => {
        const frame = decodeVoterFrame(bytes)
        if (frame === undefined) return
        const written = encodeVoterFrame(frame)
        same(written, encodeVoterFrame(decodeVoterFrame(written)!), "the vote")
      }),
  },
  {
    name: "root-record",
    about: "records of the root: what is read can be written and read again, the same",
    seeds: () => allText("records.json"),
    words: ["null", "[]", "{}", "1e309", "-0", '"__proto__":{}', "\\ud800", '"zinc":1', "9007199254740993"].map(utf8),
    bytesMax: 20 * 1024,
    run: ({ bytes }) =>
      tried(["BadRecord"], () => {
        const record = decodeRootRecord(bytes, "zinc")
        // Written in our form it may come out longer than what was read, and then has no room.
        const told = tried(["BadOption"], () => {
          const written = encodeRootRecord(record)
          same(written, encodeRootRecord(decodeRootRecord(written, "zinc")), "the record")
        })
        must(
          told === "taken" || bytes.length > 8_000,
          () => `a record of ${bytes.length} octets is read but not written`,
        )
      }),
  },
  {
    name: "host-record",
    about: "announcements of hosts: what is read can be written and read again, the same",
    seeds: () => allText("records.json"),
    words: ["null", "[]", "{}", "1e309", "-0", '"__proto__":{}', "\\ud800", '"free":1'].map(utf8),
    bytesMax: 5 * 1024,
    run: ({ bytes }) =>
      tried(["BadRecord"], () => {
        const host = decodeHostRecord(bytes, "zinc")
        const told = tried(["BadOption"], () => {
          const written = encodeHostRecord("zinc", host)
          same(written, encodeHostRecord("zinc", decodeHostRecord(written, "zinc")), "the announcement")
        })
        must(told === "taken" || bytes.length > 2_000, () => `${bytes.length} octets are read but not written`)
      }),
  },
]

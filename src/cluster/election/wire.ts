/** Voter frames as octets and back: `proto/election.proto`. What cannot be a frame throws `BadFrame` and costs its sender the link. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf"
import { decodeRootRecord, encodeRootRecord } from "../../coordination/root-record.ts"
import { ZincError } from "../../core/errors.ts"
import { endpointIdFromBytes, endpointIdToBytes, isEndpointId } from "../../core/id.ts"
import { runsMax } from "../../endpoint/stream-runs.ts"
import {
  type BallotSchema,
  type EntrySchema,
  type LogSnapshotSchema,
  type Vote,
  VoteSchema,
  type Ballot as WireBallot,
  type Entry as WireEntry,
  type LogSnapshot as WireLogSnapshot,
  type Position as WirePosition,
} from "../../message/generated/election_pb.ts"
import { EntryKind, type LogPosition, type OrderedEntry } from "./ordered-entry.ts"
import type { LogSnapshot } from "./ordered-log.ts"
import type { RootRecord } from "./root-record.ts"
import { originsMax } from "./stream-table.ts"
import type { Ballot } from "./vote-storage.ts"
import type { VoterFrame, VoterMessage } from "./voter-message.ts"

type Body = NonNullable<MessageInitShape<typeof VoteSchema>["body"]>

const kinds = {
  [EntryKind.Message]: 1,
  [EntryKind.Opening]: 2,
  [EntryKind.Voters]: 3,
} as const

export function encodeVoterFrame(frame: VoterFrame): Uint8Array {
  const { tree, generation, from, to, incarnation, message } = frame
  return toBinary(
    VoteSchema,
    create(VoteSchema, {
      tree,
      generation: generation === undefined ? new Uint8Array(0) : octetsOf(generation),
      from: octetsOf(from),
      to: octetsOf(to),
      incarnation: BigInt(incarnation),
      body: bodyOf(message),
    }),
  )
}

/** Undefined for a body of a later version. */
export function decodeVoterFrame(bytes: Uint8Array): VoterFrame | undefined {
  let vote: Vote
  try {
    vote = fromBinary(VoteSchema, bytes)
  } catch (cause) {
    throw new ZincError("BadFrame", "a voter sent octets that are no vote", { cause })
  }
  const message = messageOf(vote)
  if (message === undefined) return undefined
  return {
    tree: vote.tree,
    generation: vote.generation.length === 0 ? undefined : idOf(vote.generation),
    from: idOf(vote.from),
    to: idOf(vote.to),
    incarnation: countOf(vote.incarnation),
    message,
  }
}

// ---- to octets ----

function bodyOf(message: VoterMessage): Body {
  switch (message.type) {
    case "append": {
      const { epoch, sentAt, previous, entries, committed, record } = message
      return {
        case: "append",
        value: {
          epoch,
          sentAt,
          previous: positionTo(previous),
          entries: entries.map(entryTo),
          committed: BigInt(committed),
          record: writeRecord(record),
        },
      }
    }
    case "installSnapshot": {
      const { epoch, sentAt, snapshot, record } = message
      return {
        case: "installSnapshot",
        value: { epoch, sentAt, snapshot: snapshotTo(snapshot), record: writeRecord(record) },
      }
    }
    case "appended": {
      const { epoch, sentAt, accepted, signed, matched, last } = message
      const value = { epoch, sentAt, accepted, signed, last: BigInt(last) }
      return { case: "appended", value: matched === undefined ? value : { ...value, matched: BigInt(matched) } }
    }
    case "wouldSign":
      return { case: "wouldSign", value: { epoch: message.epoch, revision: BigInt(message.revision) } }
    case "wouldSignReply": {
      const { epoch, granted, signed, record } = message
      return { case: "wouldSignReply", value: { epoch, granted, signed, ...optionalRecord(record) } }
    }
    case "sign":
      return {
        case: "sign",
        value: { epoch: message.epoch, revision: BigInt(message.revision), released: message.released },
      }
    case "signature": {
      const { epoch, granted, signed, last, record } = message
      return {
        case: "signature",
        value: { epoch, granted, signed, last: positionTo(last), ...optionalRecord(record) },
      }
    }
    case "fetch":
      return { case: "fetch", value: { epoch: message.epoch, after: BigInt(message.after) } }
    case "fetched": {
      const { epoch, after, snapshot, previous, entries, last } = message
      return {
        case: "fetched",
        value: {
          epoch,
          after: BigInt(after),
          ...(snapshot === undefined ? {} : { snapshot: snapshotTo(snapshot) }),
          previous: positionTo(previous),
          entries: entries.map(entryTo),
          last: positionTo(last),
        },
      }
    }
    case "handOver": {
      const { released, epoch, last, leaving, revision } = message
      return {
        case: "handOver",
        value: { released, epoch, last: positionTo(last), leaving, revision: BigInt(revision) },
      }
    }
    case "makeReady":
      return { case: "makeReady", value: { epoch: message.epoch } }
    case "ready":
      return { case: "ready", value: { epoch: message.epoch } }
    case "released":
      return { case: "released", value: { epoch: message.epoch } }
    case "recordPrepare":
      return { case: "recordPrepare", value: { ballot: ballotTo(message.ballot) } }
    case "recordPromise": {
      const { ballot, promised, accepted } = message
      const value = { ballot: ballotTo(ballot), promised: ballotTo(promised) }
      return {
        case: "recordPromise",
        value:
          accepted === undefined
            ? value
            : { ...value, accepted: { ballot: ballotTo(accepted.ballot), record: writeRecord(accepted.record) } },
      }
    }
    case "recordAccept":
      return {
        case: "recordAccept",
        value: { ballot: ballotTo(message.ballot), record: writeRecord(message.record) },
      }
    case "recordAccepted":
      return {
        case: "recordAccepted",
        value: { ballot: ballotTo(message.ballot), promised: ballotTo(message.promised) },
      }
  }
}

function positionTo({ epoch, number }: LogPosition) {
  return { epoch, number: BigInt(number) }
}

export function entryTo(entry: OrderedEntry): MessageInitShape<typeof EntrySchema> {
  const { epoch, number, kind, stream, order, origin, sequence, payload } = entry
  return {
    epoch,
    number: BigInt(number),
    kind: kinds[kind],
    stream,
    order: BigInt(order),
    origin,
    sequence: BigInt(sequence),
    payload,
  }
}

export function snapshotTo({ at, streams }: LogSnapshot): MessageInitShape<typeof LogSnapshotSchema> {
  return {
    at: positionTo(at),
    streams: streams.map(({ stream, order, runs, origins }) => ({
      stream,
      order: BigInt(order),
      runs: runs.map(run => ({ epoch: run.epoch, first: BigInt(run.first) })),
      origins: origins.map(({ origin, sequence, number }) => ({
        origin,
        sequence: BigInt(sequence),
        number: BigInt(number),
      })),
    })),
  }
}

/** Records are never changed in place, and the root sends its own with every append. */
const written = new WeakMap<RootRecord, Uint8Array>()

/** The record's octets. */
export function writeRecord(record: RootRecord): Uint8Array {
  const known = written.get(record)
  if (known !== undefined) return known
  const bytes = encodeRootRecord(record)
  written.set(record, bytes)
  return bytes
}

function optionalRecord(record: RootRecord | undefined): { record?: Uint8Array } {
  return record === undefined ? {} : { record: writeRecord(record) }
}

export function ballotTo({ counter, voter }: Ballot): MessageInitShape<typeof BallotSchema> {
  return { counter: BigInt(counter), voterId: octetsOf(voter) }
}

export function octetsOf(id: string): Uint8Array {
  if (!isEndpointId(id))
    throw new ZincError("BadOption", `"${id}" is no id of a voter or generation (a lower-case UUID)`)
  return endpointIdToBytes(id)
}

// ---- from octets ----

function messageOf({ tree, body }: Vote): VoterMessage | undefined {
  switch (body.case) {
    case "append": {
      const { epoch, sentAt, previous, entries, committed, record } = body.value
      return {
        type: "append",
        epoch,
        sentAt: timeOf(sentAt),
        previous: positionFrom(previous),
        entries: entriesFrom(entries),
        committed: countOf(committed),
        record: readRecord(tree, record),
      }
    }
    case "installSnapshot": {
      const { epoch, sentAt, snapshot, record } = body.value
      return {
        type: "installSnapshot",
        epoch,
        sentAt: timeOf(sentAt),
        snapshot: snapshotFrom(snapshot),
        record: readRecord(tree, record),
      }
    }
    case "appended": {
      const { epoch, sentAt, accepted, signed, matched, last } = body.value
      return {
        type: "appended",
        epoch,
        sentAt: timeOf(sentAt),
        accepted,
        signed,
        matched: matched === undefined ? undefined : countOf(matched),
        last: countOf(last),
      }
    }
    case "wouldSign":
      return { type: "wouldSign", epoch: body.value.epoch, revision: countOf(body.value.revision) }
    case "wouldSignReply": {
      const { epoch, granted, signed, record } = body.value
      return { type: "wouldSignReply", epoch, granted, signed, record: maybeRecord(tree, record) }
    }
    case "sign":
      return {
        type: "sign",
        epoch: body.value.epoch,
        revision: countOf(body.value.revision),
        released: body.value.released,
      }
    case "signature": {
      const { epoch, granted, signed, last, record } = body.value
      return { type: "signature", epoch, granted, signed, last: positionFrom(last), record: maybeRecord(tree, record) }
    }
    case "fetch":
      return { type: "fetch", epoch: body.value.epoch, after: countOf(body.value.after) }
    case "fetched": {
      const { epoch, after, snapshot, previous, entries, last } = body.value
      return {
        type: "fetched",
        epoch,
        after: countOf(after),
        snapshot: snapshot === undefined ? undefined : snapshotFrom(snapshot),
        previous: positionFrom(previous),
        entries: entriesFrom(entries),
        last: positionFrom(last),
      }
    }
    case "handOver": {
      const { released, epoch, last, leaving, revision } = body.value
      return { type: "handOver", released, epoch, last: positionFrom(last), leaving, revision: countOf(revision) }
    }
    case "makeReady":
      return { type: "makeReady", epoch: body.value.epoch }
    case "ready":
      return { type: "ready", epoch: body.value.epoch }
    case "released":
      return { type: "released", epoch: body.value.epoch }
    case "recordPrepare":
      return { type: "recordPrepare", ballot: ballotFrom(body.value.ballot) }
    case "recordPromise": {
      const { ballot, promised, accepted } = body.value
      return {
        type: "recordPromise",
        ballot: ballotFrom(ballot),
        promised: ballotFrom(promised),
        accepted:
          accepted === undefined
            ? undefined
            : { ballot: ballotFrom(accepted.ballot), record: readRecord(tree, accepted.record) },
      }
    }
    case "recordAccept":
      return {
        type: "recordAccept",
        ballot: ballotFrom(body.value.ballot),
        record: readRecord(tree, body.value.record),
      }
    case "recordAccepted":
      return {
        type: "recordAccepted",
        ballot: ballotFrom(body.value.ballot),
        promised: ballotFrom(body.value.promised),
      }
    default:
      return undefined
  }
}

function bad(what: string, cause?: unknown): ZincError {
  return new ZincError("BadFrame", `a voter sent a vote with ${what}`, cause === undefined ? {} : { cause })
}

export function countOf(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw bad("a number past 2⁵³ − 1")
  return Number(value)
}

function timeOf(value: number): number {
  if (!Number.isFinite(value)) throw bad("a time that is no number")
  return value
}

export function idOf(octets: Uint8Array): string {
  if (octets.length !== 16) throw bad(`an id of ${octets.length} octets instead of sixteen`)
  return endpointIdFromBytes(octets)
}

function positionFrom(position: WirePosition | undefined): LogPosition {
  return position === undefined ? { epoch: 0, number: 0 } : { epoch: position.epoch, number: countOf(position.number) }
}

/** Entries come without holes, and epochs never fall. */
export function entriesFrom(entries: readonly WireEntry[]): OrderedEntry[] {
  let before: OrderedEntry | undefined
  return entries.map(entry => {
    const { epoch, stream, origin, payload } = entry
    const read: OrderedEntry = {
      epoch,
      number: countOf(entry.number),
      kind: kindFrom(entry.kind),
      stream,
      order: countOf(entry.order),
      origin,
      sequence: countOf(entry.sequence),
      payload,
    }
    if (before !== undefined && (read.number !== before.number + 1 || read.epoch < before.epoch))
      throw bad(`entry ${read.epoch}:${read.number} behind ${before.epoch}:${before.number}`)
    before = read
    return read
  })
}

function kindFrom(kind: number): EntryKind {
  for (const [name, number] of Object.entries(kinds)) if (number === kind) return name as EntryKind
  throw bad(`an entry of kind ${kind}`)
}

export function snapshotFrom(snapshot: WireLogSnapshot | undefined): LogSnapshot {
  if (snapshot === undefined) throw bad("no snapshot")
  return {
    at: positionFrom(snapshot.at),
    streams: snapshot.streams.map(({ stream, order, runs, origins }) => {
      if (runs.length > runsMax || origins.length > originsMax) throw bad("more runs or origins than a stream may have")
      return {
        stream,
        order: countOf(order),
        runs: runs.map(run => ({ epoch: run.epoch, first: countOf(run.first) })),
        origins: origins.map(({ origin, sequence, number }) => ({
          origin,
          sequence: countOf(sequence),
          number: countOf(number),
        })),
      }
    }),
  }
}

/** Throws `BadFrame`, also for a record of another tree. */
export function readRecord(tree: string, octets: Uint8Array): RootRecord {
  let record: RootRecord
  try {
    record = decodeRootRecord(octets, tree)
  } catch (cause) {
    throw bad("a record that is none", cause)
  }
  if (record.voters.length === 0) throw bad("a record without voters")
  return record
}

function maybeRecord(tree: string, octets: Uint8Array): RootRecord | undefined {
  return octets.length === 0 ? undefined : readRecord(tree, octets)
}

export function ballotFrom(ballot: WireBallot | undefined): Ballot {
  if (ballot === undefined) throw bad("no ballot")
  return { counter: countOf(ballot.counter), voter: idOf(ballot.voterId) }
}

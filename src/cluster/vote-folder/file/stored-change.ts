/** Changes of a voter's memory as octets and back: `proto/vote_folder.proto`. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf"
import {
  StoredBatchSchema,
  type StoredChange,
  type StoredChangeSchema,
} from "../../../message/generated/vote_folder_pb.ts"
import type { VoteChange } from "../../election/index.ts"
import {
  ballotFrom,
  ballotTo,
  countOf,
  entriesFrom,
  entryTo,
  idOf,
  octetsOf,
  readRecord,
  snapshotFrom,
  snapshotTo,
  writeRecord,
} from "../../election/wire.ts"

export function encodeBatch(changes: readonly VoteChange[]): Uint8Array {
  return toBinary(StoredBatchSchema, create(StoredBatchSchema, { changes: changes.map(storedOf) }))
}

/** Throws for what is no batch of that tree. */
export function decodeBatch(tree: string, octets: Uint8Array): VoteChange[] {
  return fromBinary(StoredBatchSchema, octets).changes.map(stored => changeOf(tree, stored))
}

function storedOf(change: VoteChange): MessageInitShape<typeof StoredChangeSchema> {
  switch (change.type) {
    case "incarnation":
      return { change: { case: "incarnation", value: BigInt(change.incarnation) } }
    case "signed":
      return { change: { case: "signed", value: { epoch: change.epoch, candidate: octetsOf(change.candidate) } } }
    case "record":
      return { change: { case: "record", value: writeRecord(change.record) } }
    case "promised":
      return { change: { case: "promised", value: ballotTo(change.ballot) } }
    case "accepted": {
      const { ballot, record } = change
      return { change: { case: "accepted", value: { ballot: ballotTo(ballot), record: writeRecord(record) } } }
    }
    case "append":
      return { change: { case: "append", value: { entries: change.entries.map(entryTo) } } }
    case "truncate":
      return { change: { case: "truncate", value: BigInt(change.after) } }
    case "snapshot": {
      const { snapshot, keepsRest } = change
      return { change: { case: "snapshot", value: { snapshot: snapshotTo(snapshot), keepsRest } } }
    }
  }
}

function changeOf(tree: string, { change }: StoredChange): VoteChange {
  switch (change.case) {
    case "incarnation":
      return { type: "incarnation", incarnation: countOf(change.value) }
    case "signed":
      return { type: "signed", epoch: change.value.epoch, candidate: idOf(change.value.candidate) }
    case "record":
      return { type: "record", record: readRecord(tree, change.value) }
    case "promised":
      return { type: "promised", ballot: ballotFrom(change.value) }
    case "accepted": {
      const { ballot, record } = change.value
      return { type: "accepted", ballot: ballotFrom(ballot), record: readRecord(tree, record) }
    }
    case "append":
      return { type: "append", entries: entriesFrom(change.value.entries) }
    case "truncate":
      return { type: "truncate", after: countOf(change.value) }
    case "snapshot": {
      const { snapshot, keepsRest } = change.value
      return { type: "snapshot", snapshot: snapshotFrom(snapshot), keepsRest }
    }
    case undefined:
      throw new Error("a change of a later version")
  }
}

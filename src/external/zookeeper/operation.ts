/** The requests we make of ZooKeeper, how they are written, and how their answers are read. No I/O. */
import { type ErrorCode, ZincError } from "../../core/errors.ts"
import { type JuteReader, JuteWriter } from "./jute.ts"

/** Numbers of the wire. */
export const Opcode = {
  Create: 1,
  Delete: 2,
  Exists: 3,
  GetData: 4,
  SetData: 5,
  Sync: 9,
  Ping: 11,
  GetChildren: 12,
  Check: 13,
  Multi: 14,
  Auth: 100,
  CloseSession: -11,
} as const

export const Reply = {
  Ok: 0,
  RuntimeInconsistency: -2,
  NoNode: -101,
  NoAuth: -102,
  BadVersion: -103,
  NodeExists: -110,
  NotEmpty: -111,
  SessionExpired: -112,
  InvalidAcl: -114,
  AuthFailed: -115,
  SessionMoved: -118,
} as const

/** ZooKeeper said no; `reply` is its number for why. */
export class ZooKeeperError extends ZincError {
  readonly reply: number
  constructor(reply: number, what: string) {
    const name = Object.entries(Reply).find(([, number]) => number === reply)?.[0] ?? "unknown"
    super(codeOf(reply), `ZooKeeper answered ${name} (${reply}) to ${what}`)
    this.reply = reply
  }
}

function codeOf(reply: number): ErrorCode {
  if (reply === Reply.NoAuth || reply === Reply.AuthFailed || reply === Reply.InvalidAcl) return "Unauthorized"
  if (reply === Reply.SessionExpired || reply === Reply.SessionMoved) return "PeerLost"
  if (reply === Reply.NoNode || reply === Reply.BadVersion || reply === Reply.NodeExists) return "Conflict"
  return "Refused"
}

export interface Operation<Answer> {
  readonly opcode: number
  /** For people. */
  readonly what: string
  /** Whether asking twice is the same as asking once. */
  readonly harmless: boolean
  write(writer: JuteWriter): void
  /** `zxid` is the number of the store's last change as of the answer. */
  read(reader: JuteReader, zxid: bigint): Answer
}

/** What ZooKeeper knows of a node beside its octets. 64-bit numbers stay so. */
export interface NodeStat {
  readonly czxid: bigint
  readonly mzxid: bigint
  readonly version: number
  /** The session whose node it is; 0 for a lasting one. */
  readonly owner: bigint
}

export interface AccessRule {
  readonly permissions: number
  readonly scheme: string
  readonly id: string
}

export function createNode(options: {
  readonly path: string
  readonly data: Uint8Array
  readonly access: readonly AccessRule[]
  readonly ephemeral?: boolean
}): Operation<bigint> {
  const { path, data, access, ephemeral = false } = options
  return {
    opcode: Opcode.Create,
    what: `the creation of ${path}`,
    harmless: false,
    write(writer) {
      writer.text(path).buffer(data).int(access.length)
      for (const { permissions, scheme, id } of access) writer.int(permissions).text(scheme).text(id)
      writer.int(ephemeral ? 1 : 0)
    },
    read(reader, zxid) {
      reader.text()
      return zxid
    },
  }
}

export function deleteNode(path: string, version = -1): Operation<void> {
  return {
    opcode: Opcode.Delete,
    what: `the removal of ${path}`,
    harmless: false,
    write: writer => void writer.text(path).int(version),
    read: () => {},
  }
}

export function nodeExists(path: string, watch = false): Operation<NodeStat> {
  return {
    opcode: Opcode.Exists,
    what: `the look for ${path}`,
    harmless: true,
    write: writer => void writer.text(path).boolean(watch),
    read: readStat,
  }
}

export interface NodeData {
  readonly data: Uint8Array
  readonly stat: NodeStat
}

export function readNode(path: string, watch = false): Operation<NodeData> {
  return {
    opcode: Opcode.GetData,
    what: `the reading of ${path}`,
    harmless: true,
    write: writer => void writer.text(path).boolean(watch),
    read: reader => ({ data: reader.buffer(), stat: readStat(reader) }),
  }
}

export function writeNode(path: string, data: Uint8Array, version = -1): Operation<NodeStat> {
  return {
    opcode: Opcode.SetData,
    what: `the writing of ${path}`,
    harmless: false,
    write: writer => void writer.text(path).buffer(data).int(version),
    read: readStat,
  }
}

export function listChildren(path: string, watch = false): Operation<string[]> {
  return {
    opcode: Opcode.GetChildren,
    what: `the listing of ${path}`,
    harmless: true,
    write: writer => void writer.text(path).boolean(watch),
    read: reader => reader.list(4, () => reader.text()),
  }
}

/** The server we talk to catches up with the leader before it answers what follows. */
export function syncNode(path: string): Operation<void> {
  return {
    opcode: Opcode.Sync,
    what: `the sync of ${path}`,
    harmless: true,
    write: writer => void writer.text(path),
    read: () => {},
  }
}

/** Holds, or the transaction it is in does not happen. */
export function checkNode(path: string, version = -1): Operation<void> {
  return {
    opcode: Opcode.Check,
    what: `the check of ${path}`,
    harmless: true,
    write: writer => void writer.text(path).int(version),
    read: () => {},
  }
}

/** All of it or nothing. The answers are those of the parts, in order. */
export function transaction(parts: readonly Operation<unknown>[]): Operation<unknown[]> {
  return {
    opcode: Opcode.Multi,
    what: parts.map(part => part.what).join(" with "),
    harmless: false,
    write(writer) {
      for (const part of parts) {
        writer.int(part.opcode).boolean(false).int(-1)
        part.write(writer)
      }
      writer.int(-1).boolean(true).int(-1)
    },
    read(reader, zxid) {
      const answers: unknown[] = []
      for (const part of parts) {
        const opcode = reader.int()
        reader.boolean()
        reader.int()
        if (opcode !== -1) {
          answers.push(part.read(reader, zxid))
          continue
        }
        const reply = reader.int()
        // The parts before and after the one that failed say only that something did.
        if (reply !== Reply.Ok && reply !== Reply.RuntimeInconsistency) throw new ZooKeeperError(reply, part.what)
      }
      if (answers.length < parts.length)
        throw new ZooKeeperError(Reply.RuntimeInconsistency, parts.map(part => part.what).join(" with "))
      return answers
    },
  }
}

export function encodeRequest(xid: number, operation: Operation<unknown>): Uint8Array {
  const writer = new JuteWriter().int(xid).int(operation.opcode)
  operation.write(writer)
  return writer.framed()
}

function readStat(reader: JuteReader): NodeStat {
  const czxid = reader.long()
  const mzxid = reader.long()
  reader.long()
  reader.long()
  const version = reader.int()
  reader.int()
  reader.int()
  const owner = reader.long()
  reader.int()
  reader.int()
  reader.long()
  return { czxid, mzxid, version, owner }
}

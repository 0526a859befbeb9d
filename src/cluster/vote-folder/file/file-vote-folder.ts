/**
 * A voter's folder on disk: who it is (`voter.json`), and a log of the changes of its memory (`votes-N.log`). What was given
 * while the disk was busy is written together, and counts once it is on the disk (O_DSYNC, or `fdatasync`). When the log has grown far beyond
 * what it means, a new one is written and takes its place by a rename.
 */
import { constants } from "node:fs"
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { type Clock, guestClock, type Timer } from "../../../core/clock.ts"
import { messageOf, ZincError } from "../../../core/errors.ts"
import { isEndpointId } from "../../../core/id.ts"
import { checkTreeName } from "../../../core/name.ts"
import { type Random, systemRandom } from "../../../core/random.ts"
import { freshMemory, type VoteChange, VoteLedger, type VoteMemory } from "../../election/index.ts"
import { newVoterId, type VoterId } from "../../election/root-record.ts"
import type { VoteFolder } from "../vote-folder.ts"
import { FolderLock } from "./folder-lock.ts"
import { frameOf, readFrames } from "./log-frame.ts"
import { decodeBatch, encodeBatch } from "./stored-change.ts"

export interface FileVoteFolderOptions {
  /** Made if it is not there; for its owner only. On a disk of this machine: locks and syncs are worth little elsewhere. */
  readonly folder: string
  readonly tree: string
  readonly random?: Random
  /** A log is written anew once it has more octets than that, and more than twice what it had when it was new. Default 8 MiB. */
  readonly compactBytes?: number
  readonly clock?: Clock
}

interface Waiting {
  readonly change: VoteChange
  readonly done: (() => void) | undefined
}

/** Where the system can, a write returns when it is on the disk, which saves a call for each batch. */
const writesSync = constants.O_DSYNC !== undefined
const logFlags = constants.O_RDWR | (constants.O_DSYNC ?? 0)
/** How often it is looked whether the log is still where the next opening looks for it. */
const lookMs = 2000
/** Changes written together, at most. */
const batchChanges = 1024
/** Entries in one batch of a log that is written anew. */
const chunkEntries = 256
const logName = /^votes-(\d+)\.log$/

export class FileVoteFolder implements VoteFolder {
  readonly voterId: VoterId
  readonly memory: VoteMemory
  readonly #folder: string
  readonly #lock: FolderLock
  readonly #ledger: VoteLedger
  readonly #compactBytes: number
  readonly #listeners: ((error: ZincError) => void)[] = []
  #file: FileHandle
  #number: number
  /** Octets of the log, and what it had when it was new. */
  #bytes: number
  #newBytes: number
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined
  #failure: ZincError | undefined
  #closing: Promise<void> | undefined
  readonly #clock: Clock
  readonly #looking: Timer

  /**
   * Rejects with `AddressInUse` while another process has it open, and with `BadFile` for a folder of another tree, or one that was
   * damaged: then what was signed is not known, and it must not vote. Move it away, and it comes back as a new voter. Also
   * with `BadFile` where there can be no such folder, or nothing can be written.
   */
  static async open(options: FileVoteFolderOptions): Promise<FileVoteFolder> {
    const { folder, tree, random = systemRandom } = options
    checkTreeName(tree)
    await makeFolder(folder)
    const lock = await FolderLock.take(folder, random).catch(thrown => {
      throw ZincError.is(thrown) ? thrown : unusable(folder, thrown)
    })
    try {
      const voterId = await identify(folder, tree, random)
      const log = await openLog(folder, tree)
      return new FileVoteFolder(options, lock, voterId, log)
    } catch (thrown) {
      await lock.release()
      throw thrown
    }
  }

  private constructor(options: FileVoteFolderOptions, lock: FolderLock, voterId: VoterId, log: OpenLog) {
    this.#folder = options.folder
    this.#compactBytes = options.compactBytes ?? 8 * 1024 * 1024
    this.#lock = lock
    this.voterId = voterId
    this.#ledger = log.ledger
    this.memory = log.ledger.memory
    this.#file = log.file
    this.#number = log.number
    this.#bytes = log.bytes
    this.#newBytes = 0
    this.#clock = options.clock ?? guestClock
    this.#looking = this.#clock.every(lookMs, () => void this.#look())
  }

  write(change: VoteChange, done?: () => void): void {
    if (this.#closing !== undefined) throw new ZincError("Closed", `the voter's folder ${this.#folder} is closed`)
    if (this.#failure !== undefined) return
    this.#waiting.push({ change, done })
    this.#writing ??= this.#writeAll()
  }

  onFailed(listener: (error: ZincError) => void): void {
    const failure = this.#failure
    if (failure === undefined) this.#listeners.push(listener)
    else this.#clock.soon(() => listener(failure))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#looking.cancel()
    await this.#writing
    await this.#file.close().catch(() => {})
    await this.#lock.release()
  }

  async #writeAll(): Promise<void> {
    // Not before `write` has returned; what is given in the same turn goes along.
    await undefined
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.splice(0, batchChanges)
        await this.#store(batch.map(({ change }) => change))
        if (this.#failure !== undefined) return
        for (const { done } of batch) done?.()
        if (this.#bytes > this.#compactBytes && this.#bytes > 2 * this.#newBytes) await this.#compact()
      }
    } catch (thrown) {
      this.#fail(thrown)
    } finally {
      this.#writing = undefined
    }
  }

  async #store(changes: readonly VoteChange[]): Promise<void> {
    // Said only to learn that all before it is stored.
    const news = changes.filter(({ type, ...rest }) => !this.#isKnown({ type, ...rest } as VoteChange))
    if (news.length === 0) return
    const frame = frameOf(encodeBatch(news))
    await writeWhole(this.#file, frame, this.#bytes)
    if (!writesSync) await this.#file.datasync()
    this.#bytes += frame.length
    for (const change of news) this.#ledger.apply(change)
  }

  #isKnown(change: VoteChange): boolean {
    return change.type === "incarnation" && change.incarnation === this.#ledger.incarnation
  }

  /** The memory as a new log, which is the one to read as soon as it bears its name. */
  async #compact(): Promise<void> {
    const next = await writeLog(this.#folder, this.#number + 1, this.#ledger.memory)
    const old = { file: this.#file, path: logPath(this.#folder, this.#number) }
    this.#file = next.file
    this.#number++
    this.#bytes = next.bytes
    this.#newBytes = next.bytes
    await old.file.close()
    await rm(old.path, { force: true })
  }

  /** A file that was removed, or replaced, takes writes as before, and nobody will ever read them. */
  async #look(): Promise<void> {
    const number = this.#number
    const path = logPath(this.#folder, number)
    const isThere = await Promise.all([this.#file.stat({ bigint: true }), stat(path, { bigint: true })]).then(
      ([open, named]) => open.ino === named.ino,
      // What else may be wrong is found when it is written.
      thrown => !["ENOENT", "ENOTDIR"].includes(String((thrown as { code?: unknown }).code)),
    )
    // A new log may have taken its place meanwhile.
    if (isThere || number !== this.#number || this.#closing !== undefined) return
    this.#fail(new Error(`${path} was removed or replaced while it was open`))
  }

  #fail(thrown: unknown): void {
    if (this.#failure !== undefined) return
    this.#looking.cancel()
    const why = messageOf(thrown)
    this.#failure = new ZincError("BadFile", `${this.#folder} cannot be written, so this voter votes no more: ${why}`, {
      cause: thrown,
    })
    this.#waiting = []
    for (const listener of this.#listeners) listener(this.#failure)
  }
}

// ---- the folder ----

/** Level by level: `mkdir` of Node 20 never returns when asked for all levels below one that takes none, as /proc. */
async function makeFolder(folder: string): Promise<void> {
  try {
    if (await madeOrThere(folder)) return
    const above = dirname(folder)
    if (above !== folder) await makeFolder(above)
    if (await madeOrThere(folder)) return
  } catch (thrown) {
    throw ZincError.is(thrown) ? thrown : unusable(folder, thrown)
  }
  throw unusable(folder, "no folder can be made there")
}

/** False: what it should be in is not there. */
async function madeOrThere(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o700 })
    return true
  } catch (thrown) {
    const { code } = thrown as { code?: unknown }
    if (code === "ENOENT") return false
    if (code !== "EEXIST") throw thrown
  }
  if ((await stat(folder)).isDirectory()) return true
  throw unusable(folder, "it is a file")
}

function unusable(folder: string, why: unknown): ZincError {
  return new ZincError(
    "BadFile",
    `"${folder}" cannot be a voter's folder: ${messageOf(why)}; choose one that this process may write`,
    { cause: why },
  )
}

// ---- who it is ----

async function identify(folder: string, tree: string, random: Random): Promise<VoterId> {
  const path = join(folder, "voter.json")
  const bad = (why: string) =>
    new ZincError(
      "BadFile",
      `${path} does not say who the voter is: ${why}; move the folder away to begin as a new voter`,
    )
  let text: string
  try {
    text = await readFile(path, "utf8")
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code !== "ENOENT") throw bad(messageOf(thrown))
    if ((await readdir(folder)).some(name => logName.test(name))) throw bad("it is missing, but there are votes")
    const voterId = newVoterId(random)
    await replaceFile(folder, "voter.json", [Buffer.from(JSON.stringify({ zinc: 1, tree, voterId }))])
    return voterId
  }
  let fields: { zinc?: unknown; tree?: unknown; voterId?: unknown }
  try {
    fields = JSON.parse(text) as typeof fields
  } catch (thrown) {
    throw bad(messageOf(thrown))
  }
  const { voterId } = fields
  if (fields.zinc !== 1 || typeof voterId !== "string" || !isEndpointId(voterId)) throw bad("it has another form")
  if (fields.tree !== tree) throw bad(`it is of the tree "${String(fields.tree)}", not "${tree}"`)
  return voterId
}

// ---- the log ----

interface OpenLog {
  readonly file: FileHandle
  readonly number: number
  readonly bytes: number
  readonly ledger: VoteLedger
}

function logPath(folder: string, number: number): string {
  return join(folder, `votes-${number}.log`)
}

async function openLog(folder: string, tree: string): Promise<OpenLog> {
  const names = await readdir(folder)
  for (const name of names) if (name.endsWith(".new")) await rm(join(folder, name), { force: true })
  const numbers = names.flatMap(name => logName.exec(name)?.[1] ?? []).map(Number)
  if (numbers.length === 0) {
    const { file, bytes } = await writeLog(folder, 1, freshMemory)
    return { file, number: 1, bytes, ledger: new VoteLedger() }
  }
  const number = Math.max(...numbers)
  const path = logPath(folder, number)
  const { bodies, wholeBytes, damagedAt } = readFrames(await readFile(path))
  const damaged = (why: string) =>
    new ZincError(
      "BadFile",
      `${path} is damaged (${why}), so it is not known what this voter has signed; move the folder away to begin as a new voter`,
    )
  if (damagedAt !== undefined) throw damaged(`at octet ${damagedAt}`)
  // Only the first begins with nothing.
  if (bodies.length === 0 && number > 1) throw damaged("it is empty")
  const ledger = new VoteLedger()
  for (const body of bodies) {
    let changes: VoteChange[]
    try {
      changes = decodeBatch(tree, body)
    } catch (thrown) {
      throw damaged(messageOf(thrown))
    }
    for (const change of changes) ledger.apply(change)
  }
  const file = await open(path, logFlags)
  try {
    // Half a batch counted for nobody.
    await file.truncate(wholeBytes)
    await file.sync()
    // Not before this one is known to be sound.
    for (const other of numbers) if (other !== number) await rm(logPath(folder, other), { force: true })
  } catch (thrown) {
    await file.close()
    throw thrown
  }
  return { file, number, bytes: wholeBytes, ledger }
}

async function writeLog(
  folder: string,
  number: number,
  memory: VoteMemory,
): Promise<{ file: FileHandle; bytes: number }> {
  const bytes = await replaceFile(folder, `votes-${number}.log`, framesOf(memory, number > 1))
  return { file: await open(logPath(folder, number), logFlags), bytes }
}

/** `isNext`: it takes the place of another, so it is never empty. */
function* framesOf(memory: VoteMemory, isNext: boolean): Generator<Uint8Array> {
  const { incarnation, signed, record, promised, accepted, snapshot, entries } = memory
  const changes: VoteChange[] = []
  if (incarnation > 0 || isNext) changes.push({ type: "incarnation", incarnation })
  if (signed.candidate !== undefined) changes.push({ type: "signed", epoch: signed.epoch, candidate: signed.candidate })
  if (record !== undefined) changes.push({ type: "record", record })
  if (accepted !== undefined) changes.push({ type: "accepted", ...accepted })
  if (promised !== undefined) changes.push({ type: "promised", ballot: promised })
  if (snapshot.at.number > 0) changes.push({ type: "snapshot", snapshot, keepsRest: false })
  if (changes.length > 0) yield frameOf(encodeBatch(changes))
  for (let at = 0; at < entries.length; at += chunkEntries)
    yield frameOf(encodeBatch([{ type: "append", entries: entries.slice(at, at + chunkEntries) }]))
}

// ---- the disk ----

/** The file is there whole, or not at all. Returns its octets. */
async function replaceFile(folder: string, name: string, parts: Iterable<Uint8Array>): Promise<number> {
  const draft = join(folder, `${name}.new`)
  const file = await open(draft, "w", 0o600)
  let bytes = 0
  try {
    for (const part of parts) {
      await writeWhole(file, part, bytes)
      bytes += part.length
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, join(folder, name))
  await syncFolder(folder)
  return bytes
}

async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}

/** Names in a folder last only once the folder is synced too; where folders cannot be, the system does it by itself. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined)
  if (handle === undefined) return
  try {
    await handle.sync()
  } catch (thrown) {
    if (!["EISDIR", "EINVAL", "EPERM"].includes(String((thrown as { code?: unknown }).code))) throw thrown
  } finally {
    await handle.close()
  }
}

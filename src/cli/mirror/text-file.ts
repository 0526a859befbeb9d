/**
 * One file on disk, read whole and replaced whole. A reader of the file sees the old text or the new, never half of it,
 * and a replacement never runs over a change it has not seen: it is refused when the file is not as it was last read.
 */
import { constants, readFileSync, renameSync, type Stats, statSync } from "node:fs"
import { access, chown, copyFile, open, readFile, realpath, rm, stat } from "node:fs/promises"
import { basename, dirname, join, resolve } from "node:path"
import { equalBytes, messageOf, ZincError } from "../../core/index.ts"

export interface TextFileOptions {
  /** Larger files are refused, in octets. */
  readonly maxBytes: number
}

export type Reading =
  | { readonly state: "present"; readonly bytes: Uint8Array }
  | { readonly state: "missing" }
  /** It is there but cannot be used. */
  | { readonly state: "refused"; readonly error: ZincError }

export class TextFile {
  /** As the person gave it, for messages. */
  readonly given: string
  /** With links followed: what is read and replaced. */
  readonly path: string
  readonly #maxBytes: number

  /** Throws `BadFile` for what can never be mirrored: a folder, a missing folder above, no permission. */
  static async open(path: string, options: TextFileOptions): Promise<TextFile> {
    const absolute = resolve(path)
    const parent = dirname(absolute)
    const parentStatus = await stat(parent).catch(() => undefined)
    if (parentStatus === undefined)
      throw badFile(path, `its folder ${parent} does not exist`, "create the folder first")
    if (!parentStatus.isDirectory()) throw badFile(path, `${parent} is not a folder`, "give a file within a folder")
    const real = await realpath(absolute).catch(() => absolute)
    const file = new TextFile(path, real, options)
    const status = await stat(real).catch(() => undefined)
    if (status !== undefined) {
      file.#assertUsable(status)
      await access(real, constants.R_OK).catch(() => {
        throw badFile(path, "it may not be read", "change its permissions or run as its owner")
      })
      await access(real, constants.W_OK).catch(() => {
        throw badFile(path, "it is read-only", "change its permissions or run as its owner")
      })
    }
    await access(dirname(real), constants.W_OK | constants.X_OK).catch(() => {
      throw badFile(path, `its folder ${dirname(real)} may not be written`, "files are replaced whole, which needs it")
    })
    return file
  }

  private constructor(given: string, path: string, options: TextFileOptions) {
    this.given = given
    this.path = path
    this.#maxBytes = options.maxBytes
  }

  async read(): Promise<Reading> {
    try {
      const handle = await open(this.path, "r")
      try {
        this.#assertUsable(await handle.stat())
        return { state: "present", bytes: new Uint8Array(await handle.readFile()) }
      } finally {
        await handle.close()
      }
    } catch (error) {
      if (ZincError.is(error)) return { state: "refused", error }
      const code = (error as NodeJS.ErrnoException).code
      if (code === "ENOENT" || code === "ENOTDIR") return { state: "missing" }
      return { state: "refused", error: badFile(this.given, messageOf(error), "make it readable") }
    }
  }

  /** Changes whenever the file does, as far as the file system tells; "missing" when there is none. */
  stamp(): string {
    try {
      const { ino, size, mtimeMs, ctimeMs } = statSync(this.path)
      return `${ino}/${size}/${mtimeMs}/${ctimeMs}`
    } catch {
      return "missing"
    }
  }

  /**
   * Replaces the file's octets, keeping mode and, where allowed, owner. False, and nothing is changed, when the file is
   * not what `expected` says (undefined: missing). Throws `BadFile` when it cannot be written.
   *
   * The check and the rename are neighbouring system calls; who writes into the old file in the instants between is
   * found out afterwards, and `lateWrite` gets what they wrote.
   */
  async replace(
    bytes: Uint8Array,
    expected: Uint8Array | undefined,
    lateWrite: (bytes: Uint8Array) => void,
  ): Promise<boolean> {
    const folder = dirname(this.path)
    // Hidden, and named after the process, so that what a crash leaves behind can be told from a file of the person's.
    const temporary = join(folder, `.${basename(this.path)}.zinc-${process.pid}`)
    let old: Awaited<ReturnType<typeof open>> | undefined
    try {
      if (expected !== undefined) {
        old = await open(this.path, "r").catch(() => undefined)
        if (old === undefined) return false
      }
      const status = await old?.stat()
      await writeDurably(temporary, bytes, status)
      // Synchronous, so that nothing of ours comes between the check and the rename.
      if (!this.#isStill(expected, status)) return false
      renameSync(temporary, this.path)
      if (old !== undefined && expected !== undefined) {
        const late = new Uint8Array(await readFile(old))
        if (!equalBytes(late, expected)) lateWrite(late)
      }
      return true
    } catch (error) {
      if (ZincError.is(error)) throw error
      throw badFile(this.given, `it cannot be written (${messageOf(error)})`, "check free space and permissions")
    } finally {
      await old?.close()
      await rm(temporary, { force: true }).catch(() => {})
    }
  }

  /** Copies the file beside itself as FILE.orig-1, or the first number that is free; returns the copy's path. */
  async keepCopy(): Promise<string> {
    for (let number = 1; ; number++) {
      const copy = `${this.path}.orig-${number}`
      try {
        await copyFile(this.path, copy, constants.COPYFILE_EXCL)
        return copy
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") continue
        throw badFile(this.given, `no copy of it can be kept (${messageOf(error)})`, "check free space and permissions")
      }
    }
  }

  /** The octets are as expected, in the very file that was opened: an editor may have renamed another over it. */
  #isStill(expected: Uint8Array | undefined, opened: Stats | undefined): boolean {
    try {
      const status = statSync(this.path)
      if (expected === undefined || status.ino !== opened?.ino || status.size !== expected.length) return false
      return equalBytes(new Uint8Array(readFileSync(this.path)), expected)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return expected === undefined
      throw error
    }
  }

  #assertUsable(status: Stats): void {
    if (status.isDirectory()) throw badFile(this.given, "it is a folder", "give a file")
    if (!status.isFile()) throw badFile(this.given, "it is not a regular file", "give a file")
    if (status.size > this.#maxBytes)
      throw badFile(
        this.given,
        `it has ${status.size} octets, more than ${this.#maxBytes}`,
        "raise --max-size, or mirror a smaller file",
      )
  }

  /** Throws `BadFile` when what is to be written could not be read again. */
  assertSize(bytes: number): void {
    if (bytes > this.#maxBytes)
      throw badFile(this.given, `the document has ${bytes} octets, more than ${this.#maxBytes}`, "raise --max-size")
  }
}

/** New octets in a file of their own, on the disk before it takes the other's name. */
async function writeDurably(path: string, bytes: Uint8Array, like: Stats | undefined): Promise<void> {
  await rm(path, { force: true })
  const handle = await open(path, "wx", like === undefined ? 0o666 : like.mode & 0o777)
  try {
    await handle.writeFile(bytes)
    if (like !== undefined) {
      // The umask may have taken bits away; the owner can only be kept by the privileged, and then must be.
      await handle.chmod(like.mode & 0o7777)
      await chown(path, like.uid, like.gid).catch(() => {})
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export function badFile(path: string, what: string, advice: string): ZincError {
  return new ZincError("BadFile", `${path} cannot be mirrored: ${what}; ${advice}`)
}

/**
 * One process per folder. The lock is the file `lock-N` with the highest N; who finds it held by a process that is gone
 * makes `lock-N+1`, which only one can. Files are never taken from anybody, so there is no moment in which two hold it.
 */
import { link, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import { ZincError } from "../../../core/errors.ts"
import { newEndpointId } from "../../../core/id.ts"
import type { Random } from "../../../core/random.ts"

interface Holder {
  readonly pid: number
  readonly host: string
  /** When the process began, in the system's own count, and in which boot: a process id is used again. */
  readonly began: string
  /** The folder that it holds: elsewhere, this is a copy. */
  readonly folder?: string
}

const lockName = /^lock-(\d+)$/

export class FolderLock {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** Throws `AddressInUse` while a living process holds it, or one of another machine may. */
  static async take(folder: string, random: Random): Promise<FolderLock> {
    const real = await realpath(folder)
    const self: Holder = { pid: process.pid, host: hostname(), began: (await beganAt(process.pid)) ?? "", folder: real }
    const draft = join(folder, `draft-${newEndpointId(random)}`)
    await writeFile(draft, JSON.stringify(self), { flush: true, mode: 0o600 })
    try {
      for (;;) {
        const numbers = await lockNumbers(folder)
        const highest = numbers.at(-1) ?? 0
        if (highest > 0) await refuseWhileHeld(real, highest)
        const path = join(folder, `lock-${highest + 1}`)
        if (!(await linkNew(draft, path))) continue
        // Somebody may have taken and left a higher one while we looked.
        const now = await lockNumbers(folder)
        if (now.at(-1)! > highest + 1) {
          await rm(path, { force: true })
          continue
        }
        for (const number of now) if (number <= highest) await rm(join(folder, `lock-${number}`), { force: true })
        return new FolderLock(path)
      }
    } finally {
      await rm(draft, { force: true })
    }
  }

  async release(): Promise<void> {
    await rm(this.#path, { force: true })
  }
}

async function lockNumbers(folder: string): Promise<number[]> {
  return (await readdir(folder))
    .flatMap(name => {
      const number = lockName.exec(name)?.[1]
      return number === undefined ? [] : [Number(number)]
    })
    .sort((a, b) => a - b)
}

async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === "EEXIST") return false
    throw thrown
  }
}

async function refuseWhileHeld(folder: string, number: number): Promise<void> {
  let holder: Holder
  try {
    holder = JSON.parse(await readFile(join(folder, `lock-${number}`), "utf8")) as Holder
  } catch (thrown) {
    // Released meanwhile.
    if ((thrown as { code?: unknown }).code === "ENOENT") return
    throw thrown
  }
  if (holder.host !== hostname())
    throw new ZincError(
      "AddressInUse",
      `${folder} is in use by process ${holder.pid} of the machine "${holder.host}"; if that process is gone for good and this is its own folder, remove ${folder}/lock-${number}; if this is a copy, begin with an empty folder: two voters must not have the same`,
    )
  const began = await beganAt(holder.pid)
  if (began === undefined || (holder.began !== "" && began !== holder.began)) return
  const isCopy = holder.folder !== undefined && holder.folder !== folder
  throw new ZincError(
    "AddressInUse",
    isCopy
      ? `${folder} is in use by process ${holder.pid} as ${holder.folder}; if this is a copy, begin with an empty folder: two voters must not have the same`
      : `${folder} is in use by process ${holder.pid}; each voter needs a folder of its own`,
  )
}

/** Undefined when no such process lives; a text that tells it from others of the same id where the system says. */
async function beganAt(pid: number): Promise<string | undefined> {
  try {
    process.kill(pid, 0)
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === "ESRCH") return undefined
  }
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8")
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    // A zombie runs no more.
    if (fields[0] === "Z" || fields[0] === "X") return undefined
    const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim()
    return `${boot} ${fields[19]}`
  } catch {
    return ""
  }
}

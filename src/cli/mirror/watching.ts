/**
 * Tells when a file may have changed, for every editor and every file system: the folder is watched, so a file that is
 * renamed over, deleted or created is seen too, and since some file systems (network, containers) report nothing, the
 * file's stamp is looked at from time to time as well.
 */
import { basename, dirname, resolve } from "node:path"
import { watch } from "chokidar"
import type { TextFile } from "./text-file.ts"

export interface Watching {
  close(): Promise<void>
}

/** `glanceMs`: how often the stamp is looked at. */
export async function watchFile(file: TextFile, glanceMs: number, changed: () => void): Promise<Watching> {
  const folder = dirname(file.path)
  const name = basename(file.path)
  const watcher = watch(folder, {
    depth: 0,
    ignoreInitial: true,
    ignored: path => resolve(path) !== folder && basename(path) !== name,
  })
  watcher.on("all", changed)
  // A watcher that fails (too many of them on this machine) leaves the glances.
  watcher.on("error", () => {})
  await new Promise<void>(ready => {
    watcher.on("ready", () => ready())
    watcher.on("error", () => ready())
  })
  let stamp = file.stamp()
  const glances = setInterval(() => {
    const now = file.stamp()
    if (now === stamp) return
    stamp = now
    changed()
  }, glanceMs)
  return {
    async close() {
      clearInterval(glances)
      await watcher.close()
    },
  }
}

// Two processes of one contender: one binds and tells where, the other connects.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { child } from "../harness/child.mjs"

export async function pair(contender, { bound, dialed, count, size, transport }) {
  const [command, first, env] = contender
  const folder = transport === "ipc" ? mkdtempSync(join(tmpdir(), "zinc-bench-")) : undefined
  const address = folder === undefined ? "tcp://127.0.0.1:0" : `ipc://${join(folder, "s")}`
  const one = child(command, [...first, bound, count, size, address], { env })
  let other
  try {
    const { address: reached } = await one.next()
    other = child(command, [...first, dialed, count, size, reached], { env })
    const [ofBound, ofDialed] = await leave(one, other, bound)
    return { bound: ofBound, dialed: ofDialed }
  } catch (error) {
    one.kill()
    other?.kill()
    throw error
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}

/** Whoever only receives ends by itself; the other then may. */
async function leave(one, other, bound) {
  const [first, second] = bound === "pull" ? [one, other] : [other, one]
  first.done.finally(second.dismiss).catch(() => {})
  return Promise.all([one.done, other.done])
}

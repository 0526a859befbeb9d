/** What every adapter checks and says in the same words. */
import { ZincError } from "../core/errors.ts"
import type { HeldRecord, RecordSight } from "./coordinator.ts"
import type { RootRecord } from "./root-record.ts"

/** Throws `BadOption` for a record of another tree. */
export function checkTreeOf(next: RootRecord, tree: string): void {
  if (next.tree === tree) return
  throw new ZincError("BadOption", `a record of the tree "${next.tree}" has no place in that of "${tree}"`)
}

export function conflict(tree: string, place: string): ZincError {
  return new ZincError("Conflict", `the root record of "${tree}" in ${place} is another by now: read it again`)
}

/** Reads, and makes a sight of it. Anything but `BadRecord` is thrown on. */
export function sightOf(read: () => HeldRecord | undefined): RecordSight {
  try {
    const held = read()
    return held === undefined ? { type: "none" } : { type: "held", held }
  } catch (error) {
    if (!ZincError.is(error) || error.code !== "BadRecord") throw error
    return { type: "bad", error }
  }
}

export function closedCoordinator(tree: string): ZincError {
  return new ZincError("Closed", `the coordinator of "${tree}" is closed; open a new one`)
}

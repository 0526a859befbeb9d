/**
 * Local changes of a Y.Doc that nobody else has yet, kept as *where to look* rather than as a list of updates: from
 * which clock on each client's structs are new, and which clocks were deleted. What is gathered is therefore as compact
 * as the document itself (a run of typing is one struct), costs nothing per edit, and stays bounded by the document
 * however long it waits. Yjs' own way, one encoded update per transaction merged later, is quadratic in a long backlog.
 */
import * as Y from "yjs"
import { addRuns, type ClockRun, joinedRuns } from "./clock-runs.ts"

/** Runs of deleted clocks kept apart before they are merged. */
const looseDeletionsMax = 4096

export class LocalChanges {
  readonly #doc: Y.Doc
  readonly #from = new Map<number, number>()
  readonly #deleted = new Map<number, ClockRun[]>()
  #loose = 0

  constructor(doc: Y.Doc) {
    this.#doc = doc
  }

  get pending(): boolean {
    return this.#from.size > 0 || this.#deleted.size > 0
  }

  /** Notes what a transaction did. Returns whether it did anything. */
  note(transaction: Y.Transaction): boolean {
    let changed = false
    const { beforeState, afterState } = transaction
    if (transaction.local) {
      changed = this.#noteClient(this.#doc.clientID, beforeState, afterState)
    } else {
      for (const client of afterState.keys()) changed = this.#noteClient(client, beforeState, afterState) || changed
    }
    if (transaction.deleteSet.clients.size > 0) {
      changed = true
      addRuns(this.#deleted, transaction.deleteSet.clients)
      for (const runs of transaction.deleteSet.clients.values()) this.#loose += runs.length
      if (this.#loose > looseDeletionsMax) this.#mergeDeletions()
    }
    return changed
  }

  #noteClient(client: number, before: Map<number, number>, after: Map<number, number>): boolean {
    const start = before.get(client) ?? 0
    if (start === (after.get(client) ?? 0)) return false
    if (!this.#from.has(client)) this.#from.set(client, start)
    return true
  }

  /** As one update in Yjs' format, version 1; undefined when there is nothing. */
  encode(): Uint8Array | undefined {
    if (!this.pending) return undefined
    const encoder = new Y.UpdateEncoderV1()
    const { clients } = this.#doc.store
    // In this version of the format every number is written the same way, so `writeLen` serves for counts as well.
    encoder.writeLen(this.#from.size)
    for (const [client, from] of inFallingOrder(this.#from)) {
      const structs = clients.get(client)!
      const first = Y.findIndexSS(structs, from)
      encoder.writeLen(structs.length - first)
      encoder.writeClient(client)
      encoder.writeLen(from)
      structs[first]!.write(encoder, from - structs[first]!.id.clock)
      for (let i = first + 1; i < structs.length; i++) structs[i]!.write(encoder, 0)
    }
    this.#mergeDeletions()
    encoder.writeLen(this.#deleted.size)
    for (const [client, runs] of inFallingOrder(this.#deleted)) {
      encoder.resetDsCurVal()
      encoder.writeLen(client)
      encoder.writeLen(runs.length)
      for (const run of runs) {
        encoder.writeDsClock(run.clock)
        encoder.writeDsLen(run.len)
      }
    }
    return encoder.toUint8Array()
  }

  clear(): void {
    this.#from.clear()
    this.#deleted.clear()
    this.#loose = 0
  }

  #mergeDeletions(): void {
    let left = 0
    for (const [client, runs] of this.#deleted) {
      const merged = joinedRuns(runs)
      this.#deleted.set(client, merged)
      left += merged.length
    }
    // Counts anew from here, so that a backlog of scattered runs is not merged again at each edit.
    this.#loose = left > looseDeletionsMax / 2 ? -left : left
  }
}

function inFallingOrder<T>(byClient: Map<number, T>): [number, T][] {
  const entries = [...byClient]
  return entries.length < 2 ? entries : entries.sort((a, b) => b[0] - a[0])
}

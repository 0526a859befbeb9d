/**
 * What a user did here, in steps that can be taken back. Yjs' own UndoManager does the taking back; but it merges two
 * delete sets at every edit, so the steps are only noted here and handed to it when somebody wants to undo.
 */
import * as Y from "yjs"
import type { Clock } from "../../core/clock.ts"
import { addRuns, type ClockRun, joinedRuns } from "./clock-runs.ts"

/** Edits within this time of each other are one step. */
const stepMs = 500
/** Steps kept; the oldest go first. */
const stepsMax = 1_000

interface Step {
  readonly inserted: Map<number, ClockRun[]>
  readonly deleted: Map<number, ClockRun[]>
}

export class UndoSteps {
  readonly #doc: Y.Doc
  readonly #clock: Clock
  #steps: Step[] = []
  #lastAt = Number.NEGATIVE_INFINITY
  #yjs: Y.UndoManager | undefined

  constructor(doc: Y.Doc, clock: Clock) {
    this.#doc = doc
    this.#clock = clock
  }

  /** Notes a local transaction. */
  note(transaction: Y.Transaction): void {
    const yjs = this.#yjs
    if (yjs !== undefined) {
      // Undoing and redoing are noted by Yjs itself.
      if (transaction.origin === yjs) return
      yjs.clear(false, true)
    }
    const step = this.#step()
    const client = this.#doc.clientID
    const start = transaction.beforeState.get(client) ?? 0
    const end = transaction.afterState.get(client) ?? 0
    if (end > start) addInsertion(step, client, start, end)
    if (transaction.deleteSet.clients.size > 0) {
      addRuns(step.deleted, transaction.deleteSet.clients)
      Y.iterateDeletedStructs(transaction, transaction.deleteSet, keep)
    }
  }

  /** False when there is nothing to take back. */
  undo(): boolean {
    const yjs = this.#yjs ?? this.#open()
    for (const step of this.#steps) {
      yjs.undoStack.push({ insertions: deleteSet(step.inserted), deletions: deleteSet(step.deleted), meta: new Map() })
    }
    this.#steps = []
    this.#lastAt = Number.NEGATIVE_INFINITY
    if (yjs.undoStack.length > stepsMax) yjs.undoStack.splice(0, yjs.undoStack.length - stepsMax)
    return yjs.undo() !== null
  }

  redo(): boolean {
    this.#lastAt = Number.NEGATIVE_INFINITY
    return (this.#yjs?.redo() ?? null) !== null
  }

  close(): void {
    this.#yjs?.destroy()
    this.#steps = []
  }

  #open(): Y.UndoManager {
    const yjs: Y.UndoManager = new Y.UndoManager(this.#doc, {
      captureTransaction: transaction => transaction.origin === yjs,
    })
    this.#yjs = yjs
    return yjs
  }

  #step(): Step {
    const now = this.#clock.now()
    const open = this.#steps.at(-1)
    const close = now - this.#lastAt < stepMs
    this.#lastAt = now
    if (open !== undefined && close) return open
    const step: Step = { inserted: new Map(), deleted: new Map() }
    this.#steps.push(step)
    if (this.#steps.length > stepsMax) this.#steps.shift()
    return step
  }
}

/** One client's insertions follow each other, so a step has few runs. */
function addInsertion(step: Step, client: number, start: number, end: number): void {
  const runs = step.inserted.get(client)
  const last = runs?.at(-1)
  if (runs === undefined) step.inserted.set(client, [{ clock: start, len: end - start }])
  else if (last !== undefined && last.clock + last.len === start) {
    runs[runs.length - 1] = { clock: last.clock, len: end - last.clock }
  } else runs.push({ clock: start, len: end - start })
}

function deleteSet(byClient: Map<number, ClockRun[]>): ReturnType<typeof Y.createDeleteSet> {
  const set = Y.createDeleteSet()
  for (const [client, runs] of byClient) set.clients.set(client, joinedRuns(runs))
  return set
}

/** Its content is needed to bring it back, and so are those it lies in. */
function keep(struct: Y.Item | Y.GC): void {
  let item: Y.Item | null = struct instanceof Y.Item ? struct : null
  while (item !== null && !item.keep) {
    item.keep = true
    item = (item.parent as Y.AbstractType<unknown>)._item
  }
}

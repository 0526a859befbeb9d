/** Writes a trace into an open text as its author did: sequential ones edit by edit, concurrent ones update by update. */
import * as Y from "yjs"
import type { TextDocument } from "../../index.ts"
import { rootNameOf } from "../shared-root.ts"
import { CodePointText, hasWide, type UnitPatch } from "./code-points.ts"
import { Arrival, type RecordedUpdate, recordTrace } from "./recording.ts"
import type { ConcurrentTrace, SequentialTrace } from "./trace.ts"

/** Edits between two turns of the event loop. */
export const editsPerTurn = 64

export interface Writing {
  /** Edits this author has to make. */
  readonly edits: number
  run(progress: (edits: number) => void): Promise<void>
}

export function sequentialWriting(trace: SequentialTrace, document: TextDocument): Writing {
  const plain = !hasWide(trace.startContent) && !trace.transactions.some(each => each.some(patch => hasWide(patch[2])))
  const units = new CodePointText(trace.startContent, plain)
  const transactions: UnitPatch[][] = trace.transactions.map(patches => patches.map(patch => units.apply(patch)))
  return {
    edits: transactions.length,
    async run(progress) {
      if (trace.startContent !== "") document.insert(0, trace.startContent)
      let done = 0
      for (const patches of transactions) {
        document.transact(() => {
          for (const { at, remove, insert } of patches) {
            if (remove > 0) document.delete(at, remove)
            if (insert !== "") document.insert(at, insert)
          }
        })
        if (++done % editsPerTurn === 0) {
          progress(done)
          await turn()
        }
      }
      progress(done)
    },
  }
}

export function concurrentWriting(
  trace: ConcurrentTrace,
  author: number,
  document: TextDocument,
  path: string,
): Writing {
  const doc = document.shared.doc!
  const name = rootNameOf(document)
  const recorded = recordTrace(trace, name, path)
  const own = recorded.filter(each => each.author === author)
  const arrival = new Arrival(doc, recorded, trace.authors)
  return {
    edits: own.length,
    async run(progress) {
      let done = 0
      for (const { update, needs } of own) {
        if (!arrival.has(needs)) {
          progress(done)
          await arrived(document, arrival, needs)
        }
        applyAsOwn(doc, update)
        if (++done % editsPerTurn === 0) {
          progress(done)
          await turn()
        }
      }
      progress(done)
    },
  }
}

function applyAsOwn(doc: Y.Doc, update: RecordedUpdate["update"]): void {
  if (update.length > 0) Y.applyUpdate(doc, update, "replay")
}

/** Resolves when what an edit builds on is here. */
function arrived(document: TextDocument, arrival: Arrival, needs: readonly number[]): Promise<void> {
  return new Promise(resolve => {
    const stop = document.on("change", () => {
      if (!arrival.has(needs)) return
      stop()
      resolve()
    })
    if (arrival.has(needs)) {
      stop()
      resolve()
    }
  })
}

function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

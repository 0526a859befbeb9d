/** The state of an open text, and its reports while it changes. */

import { toHex } from "../../core/index.ts"
import type { TextDocument } from "../../index.ts"
import { contentHash } from "../content-hash.ts"
import type { ReplicaState } from "./replay-message.ts"

export function stateOf(document: TextDocument): ReplicaState {
  const content = document.toString()
  return { length: content.length, hash: contentHash(content), version: toHex(document.version()) }
}

export function sameState(a: ReplicaState | undefined, b: ReplicaState | undefined): boolean {
  return a !== undefined && b !== undefined && a.hash === b.hash && a.version === b.version
}

/** Hashing costs more than applying: one report covers all changes of this long. */
const reportEveryMs = 15

/** Reports the state now and after changes, until stopped. */
export function reportState(document: TextDocument, report: (state: ReplicaState) => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const stop = document.on("change", () => {
    timer ??= setTimeout(() => {
      timer = undefined
      report(stateOf(document))
    }, reportEveryMs)
  })
  report(stateOf(document))
  return () => {
    clearTimeout(timer)
    stop()
  }
}

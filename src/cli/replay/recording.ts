/**
 * A concurrent trace as the Yjs updates its authors would have sent: one update per transaction, each made on a replica
 * that has exactly the merge of the transaction's parents, as when it was typed. Authors' replica ids ascend with their
 * numbers, which is the order the recorded `endContent` relies on.
 */
import * as Y from "yjs"
import { CodePointText, hasWide } from "./code-points.ts"
import { badTrace, type ConcurrentTrace } from "./trace.ts"

export interface RecordedUpdate {
  readonly author: number
  readonly update: Uint8Array
  /** Per author, how many of its updates come before: what must be present where it is applied. */
  readonly needs: readonly number[]
}

export const recordedTextName = "text"

/** Records every transaction. `textName` names the Y.Text within the document. Throws `BadFile`; `path` is for messages. */
export function recordTrace(trace: ConcurrentTrace, textName: string, path: string): RecordedUpdate[] {
  const replicas = Array.from({ length: trace.authors }, (_, author) => replicaOf(author, textName))
  const recorded: RecordedUpdate[] = []
  /** Per author, the places of its transactions in `recorded`. */
  const byAuthor: number[][] = Array.from({ length: trace.authors }, () => [])
  /** Per transaction, how many of each author's it and its ancestors make up. */
  const versions: Uint32Array[] = []
  const plain = !trace.transactions.some(each => each.patches.some(patch => hasWide(patch[2])))

  for (const [index, { author, parents, patches }] of trace.transactions.entries()) {
    const replica = replicas[author]!
    const needs = new Uint32Array(trace.authors)
    for (const parent of parents)
      for (const [other, known] of versions[parent]!.entries()) needs[other] = Math.max(needs[other]!, known)
    if (needs[author] !== byAuthor[author]!.length)
      throw badTrace(path, `txns[${index}] does not follow the transactions of its own author, agent ${author}`)
    for (const [other, known] of replica.has.entries())
      if (known > needs[other]!)
        throw badTrace(path, `txns[${index}] does not follow what its author, agent ${author}, had seen before`)
    catchUp(replica, needs, byAuthor, recorded)

    const units = new CodePointText(plain ? "" : replica.text.toString(), plain)
    let update: Uint8Array | undefined
    const keep = (bytes: Uint8Array) => {
      update = bytes
    }
    replica.doc.on("update", keep)
    replica.doc.transact(() => {
      for (const patch of patches) {
        const { at, remove, insert } = units.apply(patch)
        if (at + remove > replica.text.length) throw badTrace(path, `a patch of txns[${index}] reaches beyond the text`)
        if (remove > 0) replica.text.delete(at, remove)
        if (insert !== "") replica.text.insert(at, insert)
      }
    })
    replica.doc.off("update", keep)

    byAuthor[author]!.push(index)
    replica.has[author] = byAuthor[author]!.length
    recorded.push({ author, update: update ?? new Uint8Array(), needs: [...needs] })
    needs[author] = byAuthor[author]!.length
    versions.push(needs)
  }
  for (const replica of replicas) replica.doc.destroy()
  return recorded
}

interface Replica {
  readonly doc: Y.Doc
  readonly text: Y.Text
  /** Per author, how many of its transactions are in. */
  readonly has: number[]
}

function replicaOf(author: number, textName: string): Replica {
  const doc = new Y.Doc()
  doc.clientID = author + 1
  return { doc, text: doc.getText(textName), has: [] }
}

/** Brings in what the others wrote, in the order of the trace, so that nothing arrives before what it builds on. */
function catchUp(
  replica: Replica,
  needs: Uint32Array,
  byAuthor: readonly (readonly number[])[],
  recorded: readonly RecordedUpdate[],
): void {
  const missing: number[] = []
  for (const [other, known] of needs.entries()) {
    const has = replica.has[other] ?? 0
    for (let number = has; number < known; number++) missing.push(byAuthor[other]![number]!)
    replica.has[other] = Math.max(has, known)
  }
  if (missing.length === 0) return
  missing.sort((a, b) => a - b)
  replica.doc.transact(() => {
    for (const index of missing)
      if (recorded[index]!.update.length > 0) Y.applyUpdate(replica.doc, recorded[index]!.update)
  })
}

/** Tells whether updates have arrived in a document, those of one author in their order. */
export class Arrival {
  readonly #doc: Y.Doc
  readonly #ofAuthor: readonly (readonly Uint8Array[])[]
  readonly #seen: number[]

  constructor(doc: Y.Doc, recorded: readonly RecordedUpdate[], authors: number) {
    this.#doc = doc
    this.#ofAuthor = Array.from({ length: authors }, (_, author) =>
      recorded.filter(each => each.author === author).map(each => each.update),
    )
    this.#seen = new Array<number>(authors).fill(0)
  }

  /** True once the first `needs[author]` updates of every author are in the document. */
  has(needs: readonly number[]): boolean {
    for (const [author, needed] of needs.entries()) {
      while (this.#seen[author]! < needed) {
        if (!this.#holds(this.#ofAuthor[author]![this.#seen[author]!]!)) return false
        this.#seen[author]!++
      }
    }
    return true
  }

  #holds(update: Uint8Array): boolean {
    if (update.length === 0) return true
    const { structs, ds } = Y.decodeUpdate(update)
    for (const struct of structs)
      if (Y.getState(this.#doc.store, struct.id.client) < struct.id.clock + struct.length) return false
    for (const [client, removed] of ds.clients)
      for (const { clock, len } of removed) {
        if (Y.getState(this.#doc.store, client) < clock + len) return false
        if (!this.#isDeleted(client, clock) || !this.#isDeleted(client, clock + len - 1)) return false
      }
    return true
  }

  #isDeleted(client: number, clock: number): boolean {
    return Y.getItem(this.#doc.store, Y.createID(client, clock)).deleted
  }
}

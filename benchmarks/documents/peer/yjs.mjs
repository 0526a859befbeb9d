// The ceiling: Yjs alone, applying the recorded updates one by one to every replica.
import * as Y from "yjs"
import { count, isEnd, say, transactions, warmUp } from "./common.mjs"

const source = new Y.Doc()
const updates = []
source.on("update", update => updates.push(update))
const text = source.getText("text")
for (const patches of transactions()) {
  source.transact(() => {
    for (const [position, deleted, inserted] of patches) {
      if (deleted > 0) text.delete(position, deleted)
      if (inserted !== "") text.insert(position, inserted)
    }
  })
}
const warm = new Y.Doc()
for (const update of warmUp(updates)) Y.applyUpdate(warm, update)
const replicas = Array.from({ length: count }, () => new Y.Doc())
const began = performance.now()
for (const update of updates) for (const replica of replicas) Y.applyUpdate(replica, update)
const seconds = (performance.now() - began) / 1000
for (const replica of replicas) if (!isEnd(replica.getText("text"))) throw new Error("a replica has another text")
say({ seconds })

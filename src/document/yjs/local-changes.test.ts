import { describe, expect, it } from "vitest"
import * as Y from "yjs"
import { toHex } from "../../core/bytes.ts"
import { SeededRandom } from "../../core/random.ts"
import { LocalChanges } from "./local-changes.ts"
import { versionOf } from "./version.ts"

function watched(clientId: number) {
  const doc = new Y.Doc()
  doc.clientID = clientId
  const changes = new LocalChanges(doc)
  doc.on("afterTransaction", transaction => {
    if (transaction.origin !== "remote") changes.note(transaction)
  })
  return { doc, changes }
}

describe("LocalChanges", () => {
  it("writes what Yjs itself would, octet for octet, for one transaction", () => {
    const { doc, changes } = watched(7)
    const updates: Uint8Array[] = []
    doc.on("update", update => updates.push(update))
    const text = doc.getText("text")
    text.insert(0, "hello 😀")
    text.insert(5, ", world", { bold: true })
    changes.clear()
    updates.length = 0
    doc.transact(() => {
      text.insert(3, "abc")
      text.delete(0, 2)
      doc.getMap("m").set("k", new Y.Array())
    })
    expect(toHex(changes.encode()!)).toBe(toHex(updates[0]!))
  })

  it("writes a run of typing as one struct", () => {
    const { doc, changes } = watched(7)
    const text = doc.getText("text")
    for (let i = 0; i < 1_000; i++) text.insert(i, "x")
    expect(changes.encode()!.length).toBeLessThan(1_050)
  })

  it("has nothing after it was cleared, and nothing of what came from elsewhere", () => {
    const { doc, changes } = watched(7)
    const other = new Y.Doc()
    other.getText("text").insert(0, "theirs")
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(other), "remote")
    expect(changes.pending).toBe(false)
    expect(changes.encode()).toBeUndefined()
    doc.getText("text").insert(0, "ours")
    changes.clear()
    expect(changes.pending).toBe(false)
  })

  it("passes on what a user brings in from elsewhere, such as a copy on disk", () => {
    const { doc, changes } = watched(7)
    const disk = new Y.Doc()
    disk.clientID = 9
    disk.getText("text").insert(0, "from disk")
    disk.getText("text").delete(0, 5)
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(disk), "disk")
    const replica = new Y.Doc()
    Y.applyUpdate(replica, changes.encode()!)
    expect(replica.getText("text").toString()).toBe("disk")
  })

  it("brings another replica up whatever was edited between two gatherings, thousands of deletions too", () => {
    const random = new SeededRandom(11)
    const { doc, changes } = watched(7)
    const replica = new Y.Doc()
    const text = doc.getText("text")
    text.insert(0, "0123456789".repeat(1_000))
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 2_500; i++) {
        const at = random.below(text.length)
        if (random.below(3) === 0) text.insert(at, "ab")
        else text.delete(at, 1)
      }
      Y.applyUpdate(replica, changes.encode()!)
      changes.clear()
      expect(toHex(versionOf(replica))).toBe(toHex(versionOf(doc)))
    }
  })
})

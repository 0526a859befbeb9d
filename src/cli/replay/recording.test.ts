import { existsSync } from "node:fs"
import { expect, it } from "vitest"
import * as Y from "yjs"
import { Arrival, recordTrace } from "./recording.ts"
import { type ConcurrentTrace, parseTrace, readTrace } from "./trace.ts"

function concurrent(txns: unknown[], endContent = ""): ConcurrentTrace {
  return parseTrace({ kind: "concurrent", endContent, numAgents: 2, txns }, "x.json") as ConcurrentTrace
}

const forked = concurrent([
  { parents: [], agent: 0, patches: [[0, 0, "base"]] },
  { parents: [0], agent: 0, patches: [[4, 0, " zero"]] },
  { parents: [0], agent: 1, patches: [[0, 1, "B"]] },
  { parents: [1, 2], agent: 1, patches: [[9, 0, "!"]] },
  { parents: [3], agent: 0, patches: [[8, 1, ""]] },
])

it("recordTrace makes each update on the merge of its parents", () => {
  const recorded = recordTrace(forked, "text", "x.json")
  expect(recorded.map(each => each.needs)).toEqual([
    [0, 0],
    [1, 0],
    [1, 0],
    [2, 1],
    [2, 2],
  ])
  const doc = new Y.Doc()
  for (const { update } of recorded) Y.applyUpdate(doc, update)
  expect(doc.getText("text").toString()).toBe("Base zer!")
})

it("recordTrace refuses an author who forgets what it wrote", () => {
  const trace = concurrent([
    { parents: [], agent: 0, patches: [[0, 0, "a"]] },
    { parents: [], agent: 0, patches: [[0, 0, "b"]] },
  ])
  expect(() => recordTrace(trace, "text", "x.json")).toThrow(expect.objectContaining({ code: "BadFile" }))
})

it("recordTrace refuses a patch beyond the text", () => {
  const trace = concurrent([{ parents: [], agent: 0, patches: [[3, 0, "a"]] }])
  expect(() => recordTrace(trace, "text", "x.json")).toThrow(/beyond the text/)
})

it("Arrival waits for insertions and for deletions", () => {
  const recorded = recordTrace(forked, "text", "x.json")
  const doc = new Y.Doc()
  const arrival = new Arrival(doc, recorded, 2)
  expect(arrival.has([0, 0])).toBe(true)
  expect(arrival.has([1, 0])).toBe(false)
  for (const { update } of recorded.slice(0, 4)) Y.applyUpdate(doc, update)
  expect(arrival.has([2, 2])).toBe(true)
  // The last one only deletes: the state vector does not show it.
  expect(arrival.has([3, 2])).toBe(false)
  Y.applyUpdate(doc, recorded[4]!.update)
  expect(arrival.has([3, 2])).toBe(true)
})

const friends = "../shared/traces/friendsforever.json.gz"
it.skipIf(!existsSync(friends))("recordTrace ends in the recorded text of friendsforever", { timeout: 60_000 }, () => {
  const trace = readTrace(friends) as ConcurrentTrace
  const doc = new Y.Doc()
  doc.transact(() => {
    for (const { update } of recordTrace(trace, "text", friends)) Y.applyUpdate(doc, update)
  })
  expect(doc.getText("text").toString()).toBe(trace.endContent)
})

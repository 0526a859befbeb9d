import { describe, expect, it } from "vitest"
import { EntryKind, type OrderedEntry } from "./ordered-entry.ts"
import { OrderedLog } from "./ordered-log.ts"
import { originsMax, StreamTable } from "./stream-table.ts"
import { freshMemory, remember } from "./vote-storage.ts"

const payload = new Uint8Array(0)

/** Message `number` of epoch `epoch`, by origin "o" on stream "s", each the next of its origin. */
function entry(epoch: number, number: number, origin = "o", sequence: number = number): OrderedEntry {
  return { epoch, number, kind: EntryKind.Message, stream: "s", order: number, origin, sequence, payload }
}

function logOf(...epochs: number[]): OrderedLog {
  return new OrderedLog(
    undefined,
    epochs.map((epoch, index) => entry(epoch, index + 1)),
  )
}

const epochsOf = (log: OrderedLog) => log.from(log.base.number + 1).map(each => each.epoch)

describe("OrderedLog", () => {
  it("refuses holes and falling epochs", () => {
    const log = logOf(1, 2)
    expect(() => log.append(entry(2, 4))).toThrow(expect.objectContaining({ code: "Internal" }))
    expect(() => log.append(entry(1, 3))).toThrow(expect.objectContaining({ code: "Internal" }))
  })

  it("takes over what conflicts with its own from the first difference on", () => {
    const log = logOf(1, 1, 1, 1)
    const { added, droppedAfter } = log.merge({ epoch: 1, number: 1 }, [entry(1, 2), entry(3, 3)])
    expect(added).toEqual([entry(3, 3)])
    expect(droppedAfter).toBe(2)
    expect(epochsOf(log)).toEqual([1, 1, 3])
  })

  it("keeps its end when what comes says nothing else", () => {
    const log = logOf(1, 1, 2, 2)
    expect(log.merge({ epoch: 1, number: 1 }, [entry(1, 2), entry(2, 3)])).toEqual({
      added: [],
      droppedAfter: undefined,
    })
    expect(epochsOf(log)).toEqual([1, 1, 2, 2])
  })

  it("never drops what is committed", () => {
    const log = logOf(1, 1, 1)
    log.commit(2)
    expect(() => log.truncate(1)).toThrow(expect.objectContaining({ code: "Internal" }))
  })

  it("R2 forgets with entries also what they said of their origins", () => {
    const log = logOf(1, 1, 1)
    const proposal = { stream: "s", origin: "o", sequence: 3, lowest: 1, payload }
    expect(log.table.judge(proposal)).toEqual({ type: "duplicate", number: 3 })
    log.truncate(2)
    expect(log.table.judge(proposal)).toEqual({ type: "next" })
    expect(log.table.judge({ ...proposal, sequence: 4 })).toEqual({ type: "early", expected: 3 })
    expect(log.table.judge({ ...proposal, sequence: 2 })).toEqual({ type: "duplicate", number: 2 })
  })

  it("drops committed entries from the front and stays able to go on from there", () => {
    const log = logOf(1, 1, 2, 2, 2)
    log.commit(4)
    const snapshot = log.compact(1)!
    expect(snapshot.at).toEqual({ epoch: 2, number: 3 })
    expect(log.length).toBe(2)
    expect(log.has({ epoch: 1, number: 1 })).toBe(true)
    const other = new OrderedLog()
    expect(other.install(snapshot)).toBe(true)
    other.merge(snapshot.at, log.from(4))
    expect(other.last).toEqual(log.last)
    expect(other.table.state()).toEqual(log.table.state())
    expect(other.install(snapshot)).toBe(false)
  })

  it("keeps what follows a snapshot that its own entries lead to", () => {
    const source = logOf(1, 1, 1)
    source.commit(2)
    const snapshot = source.compact(0)!
    const log = logOf(1, 1, 1, 1)
    log.install(snapshot)
    expect(log.last.number).toBe(4)
    const other = new OrderedLog(undefined, [entry(1, 1), entry(3, 2), entry(3, 3)])
    other.install(snapshot)
    expect(other.last.number).toBe(2)
  })
})

describe("StreamTable", () => {
  it("forgets the origin that was silent longest, on every copy the same", () => {
    const table = new StreamTable()
    for (let i = 1; i <= originsMax; i++) table.apply(entry(1, i, `o${i}`, 1))
    table.apply(entry(1, originsMax + 1, "o1", 2))
    const copy = new StreamTable(table.state())
    for (const each of [table, copy]) each.apply(entry(1, originsMax + 2, "new", 1))
    expect(table.sequenceOf("s", "o2")).toBe(0)
    expect(table.sequenceOf("s", "o1")).toBe(2)
    expect(copy.state()).toEqual(table.state())
  })

  it("lets an origin skip what it no longer keeps, and nothing else", () => {
    const table = new StreamTable()
    const proposal = { stream: "s", origin: "o", payload }
    expect(table.judge({ ...proposal, sequence: 5, lowest: 4 })).toEqual({ type: "early", expected: 4 })
    expect(table.judge({ ...proposal, sequence: 4, lowest: 4 })).toEqual({ type: "next" })
    table.apply(entry(1, 1, "o", 4))
    expect(table.judge({ ...proposal, sequence: 7, lowest: 7 })).toEqual({ type: "next" })
    expect(table.judge({ ...proposal, sequence: 7, lowest: 4 })).toEqual({ type: "early", expected: 5 })
  })
})

describe("remember", () => {
  it("tells the same of a voter as its log in memory did", () => {
    const log = logOf(1, 1, 1)
    log.commit(2)
    const snapshot = log.compact(0)!
    const memory = remember(freshMemory, [
      { type: "append", entries: [entry(1, 1), entry(1, 2), entry(1, 3), entry(1, 4)] },
      { type: "truncate", after: 3 },
      { type: "snapshot", snapshot, keepsRest: true },
    ])
    const again = new OrderedLog(memory.snapshot, memory.entries)
    expect(again.table.state()).toEqual(log.table.state())
    expect(again.last).toEqual(log.last)
    expect(remember(memory, [{ type: "snapshot", snapshot, keepsRest: false }]).entries).toEqual([])
  })

  it("gives out and keeps no more octets than it is told, but always one entry", () => {
    const log = new OrderedLog()
    const sizes = [10, 2000, 10, 10, 5000, 10]
    for (const [at, size] of sizes.entries()) log.append({ ...entry(1, at + 1), payload: new Uint8Array(size) })
    const numbers = (number: number, bytes: number) => log.from(number, 100, bytes).map(each => each.number)
    expect(numbers(1, 1000)).toEqual([1])
    expect(numbers(2, 1000)).toEqual([2])
    expect(numbers(3, 1000)).toEqual([3, 4])
    expect(numbers(1, 10_000)).toEqual([1, 2, 3, 4, 5, 6])
    expect(log.bytesBetween(0, 6)).toBe(log.bytesBetween(0, 2) + log.bytesBetween(2, 6))
    log.commit(5)
    const [last, all] = [log.bytesBetween(4, 6), log.bytesBetween(0, 6)]
    expect(log.compact(100, 6000)?.at.number).toBe(2)
    expect(log.bytesBetween(4, 6)).toBe(last)
    expect(log.bytesBetween(2, 6)).toBeLessThan(all)
    log.truncate(5)
    log.append({ ...entry(2, 6), payload: new Uint8Array(10) })
    expect(log.bytesBetween(4, 6)).toBe(last)
  })
})

import { describe, expect, it } from "vitest"
import { concat, toHex } from "../../core/bytes.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { memoryPair } from "./memory.ts"

const long = (fill: number) => new Uint8Array(16 * 1024).fill(fill)

function connected() {
  const clock = new SimulatedClock()
  const [near, far] = memoryPair(clock, "far", "near")
  const runs: Uint8Array[][] = []
  const heard = { drained: 0, closed: 0 }
  near.start({
    onBytes: () => {},
    onDrain: () => heard.drained++,
    onClose: () => heard.closed++,
  })
  /** What came, copied before the call ended. */
  const read = () =>
    far.start({
      onBytes: () => {},
      onBorrowedRun: chunks => runs.push([...chunks]),
      onDrain: () => {},
      onClose: () => {},
    })
  return { clock, near, far, runs, heard, read }
}

describe("MemoryStream", () => {
  it("lends what is long, and says that it has drained when it was read", () => {
    const { clock, near, runs, heard, read } = connected()
    const chunks = [Uint8Array.of(1, 2), long(7)]
    expect(near.write(chunks)).toBe(false)
    clock.advance(0)
    expect([near.waiting, heard.drained]).toEqual([2 + 16 * 1024, 0])
    read()
    clock.advance(0)
    expect(runs.length).toBe(1)
    expect(runs[0]!.map(chunk => chunk.buffer)).toEqual(chunks.map(chunk => chunk.buffer))
    expect(runs[0]![1] === chunks[1]).toBe(true)
    expect([near.waiting, heard.drained]).toEqual([0, 1])
  })

  it("copies what is short, so that its writer may go on at once", () => {
    const { clock, near, runs, read } = connected()
    const chunk = Uint8Array.of(1, 2, 3)
    expect(near.write([chunk])).toBe(true)
    chunk.fill(9)
    read()
    clock.advance(0)
    expect(runs.flat().map(toHex)).toEqual(["010203"])
  })

  it("lets short writes wait behind long ones, in order", () => {
    const { clock, near, runs, read } = connected()
    near.write([Uint8Array.of(1)])
    near.write([long(2)])
    expect(near.write([Uint8Array.of(3)])).toBe(true)
    read()
    clock.advance(0)
    expect(concat(runs.flat())).toEqual(concat([Uint8Array.of(1), long(2), Uint8Array.of(3)]))
  })

  it("keeps what it was lent when the writer goes, whose memory then serves others", () => {
    const { clock, near, runs, heard, read } = connected()
    const chunk = long(5)
    near.write([chunk])
    near.destroy()
    chunk.fill(6)
    read()
    clock.advance(1)
    expect(concat(runs.flat())).toEqual(long(5))
    clock.advance(1)
    expect(heard).toEqual({ drained: 0, closed: 1 })
  })

  it("gives a reader that must keep its chunks a copy", () => {
    const { clock, near, far } = connected()
    const chunk = long(5)
    const got: Uint8Array[] = []
    near.write([chunk])
    far.start({ onBytes: bytes => got.push(bytes), onDrain: () => {}, onClose: () => {} })
    clock.advance(0)
    chunk.fill(6)
    expect(concat(got)).toEqual(long(5))
  })
})

/** The queue of a reader who takes messages one by one, at its limits. */
import { describe, expect, it } from "vitest"
import type { ZincError } from "../../core/errors.ts"
import { FrameBatch } from "../../core/frame-batch.ts"
import { FairQueue } from "./fair-queue.ts"

class Source {
  paused = false
  error: ZincError | undefined
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
  fail(error: ZincError): void {
    this.error = error
  }
}

function batchOf(connection: number, count: number, octets: number): FrameBatch {
  const batch = new FrameBatch()
  batch.connection = connection
  for (let i = 0; i < count; i++) batch.addMessage([new Uint8Array(octets)])
  return batch
}
const queueOf = (bytesMax: number) => new FairQueue({ highWaterMark: 0, bytesMax, conflate: false, view: undefined })

describe("FairQueue", () => {
  it("counts what short messages cost beside their octets, and takes all of it back", () => {
    const queue = queueOf(100_000)
    const source = new Source()
    queue.open(1, source)
    queue.push(batchOf(1, 1_000, 1))
    expect(queue.bytes).toBeGreaterThan(100 * 1_000)
    expect(source.paused).toBe(true)
    while (queue.shift() !== undefined);
    expect(queue.bytes).toBe(0)
    expect(source.paused).toBe(false)
  })

  it("lets a newcomer wait while there is no room, and begin at half", () => {
    const queue = queueOf(100_000)
    const sources = [new Source(), new Source()]
    queue.open(1, sources[0]!)
    queue.push(batchOf(1, 2, 60_000))
    queue.open(2, sources[1]!)
    expect(sources.map(each => each.paused)).toEqual([true, true])
    queue.shift()
    expect(sources.map(each => each.paused)).toEqual([true, true])
    queue.shift()
    expect(sources.map(each => each.paused)).toEqual([false, false])
  })

  it("closes whoever brings as much again nevertheless, and nobody else", () => {
    const queue = queueOf(20_000_000)
    const sources = [new Source(), new Source()]
    for (const [i, source] of sources.entries()) queue.open(i, source)
    queue.push(batchOf(0, 1, 39_000_000))
    expect(sources[0]!.error).toBeUndefined()
    queue.push(batchOf(1, 1, 2_000_000))
    expect(sources.map(each => each.error?.code)).toEqual([undefined, "Full"])
    // What was taken is not lost.
    expect(queue.size).toBe(2)
  })
})

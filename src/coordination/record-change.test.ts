import { describe, expect, it } from "vitest"
import { SimulatedClock, ZincError } from "../core/index.ts"
import type { Coordinator, HeldRecord } from "./coordinator.ts"
import { MemoryCoordinator, MemoryRecords } from "./memory/memory-coordinator.ts"
import { changeRecord } from "./record-change.ts"
import type { RootRecord } from "./root-record.ts"

const voterId = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`

function record(epoch: number, root = 1): RootRecord {
  const place = { voterId: voterId(root), addresses: [`tcp://10.0.0.${root}:7700`] }
  return { tree: "zinc", generation: voterId(99), revision: epoch, epoch, root: place, voters: [place] }
}

/** What befalls one attempt. */
type Fate = "fine" | "unsent" | "answer lost" | "request lost" | "comes late" | "hangs"

/** A way to the store on which answers and requests get lost, as told. */
class LossyWay {
  readonly clock = new SimulatedClock()
  readonly store = new MemoryCoordinator({ tree: "zinc", records: new MemoryRecords() })
  readonly fates: Fate[]
  attempts = 0

  constructor(...fates: Fate[]) {
    this.fates = fates
  }

  /** As the coordinator would, were the way to it a real one. */
  get coordinator(): Coordinator {
    const compareAndSet: Coordinator["compareAndSet"] = async (expected, next, options) => {
      this.attempts++
      const fate = this.fates.shift() ?? "fine"
      const write = () => this.store.compareAndSet(expected, next)
      if (fate === "fine") return write()
      if (fate === "unsent") throw new ZincError("Unreachable", "nobody there")
      if (fate === "hangs") return hanging(options?.signal)
      if (fate === "answer lost") await write().catch(() => {})
      if (fate === "comes late") this.clock.after(70, () => void write().catch(() => {}))
      throw new ZincError("Timeout", "no answer")
    }
    return Object.assign(Object.create(this.store) as Coordinator, {
      compareAndSet,
      read: () => this.store.read(),
    })
  }

  async change(expected: HeldRecord | undefined, next: RootRecord, signal = new AbortController().signal) {
    const changed = changeRecord(this.coordinator, expected, next, { clock: this.clock, signal })
    changed.catch(() => {})
    await this.clock.run(1_000)
    return changed
  }
}

function hanging(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(new ZincError("Aborted", "no answer")), { once: true })
  })
}

describe("changeRecord", () => {
  it("succeeds at once where nothing gets lost", async () => {
    const way = new LossyWay()
    expect((await way.change(undefined, record(1))).record).toEqual(record(1))
    expect(way.attempts).toBe(1)
  })

  for (const fates of [
    ["answer lost"],
    ["request lost"],
    ["unsent", "unsent"],
    ["comes late"],
    ["comes late", "request lost", "answer lost"],
    ["request lost", "comes late", "unsent", "answer lost"],
    ["hangs"],
  ] as Fate[][]) {
    it(`succeeds although: ${fates.join(", ")}`, async () => {
      const way = new LossyWay(...fates)
      const held = await way.store.compareAndSet(undefined, record(1))
      const changed = await way.change(held, record(2))
      expect(changed).toEqual(await way.store.read())
      expect(changed.record).toEqual(record(2))
    })
  }

  it("tells a rival's success from its own, however uncertain it was", async () => {
    for (const fate of ["request lost", "answer lost", "unsent", "fine"] as Fate[]) {
      const way = new LossyWay(fate, fate)
      const held = await way.store.compareAndSet(undefined, record(1))
      const rivals = await way.store.compareAndSet(held, record(2, 5))
      await expect(way.change(held, record(2))).rejects.toMatchObject({ code: "Conflict" })
      expect(await way.store.read()).toEqual(rivals)
    }
  })

  it("gives a store that is merely slow more time at last", async () => {
    const way = new LossyWay(...new Array<Fate>(7).fill("hangs"))
    const { signal } = new AbortController()
    const changed = changeRecord(way.coordinator, undefined, record(1), { clock: way.clock, signal })
    await way.clock.run(5 * 550)
    expect(way.attempts).toBe(6)
    await way.clock.run(1_050 + 2_050)
    expect(way.attempts).toBe(8)
    expect((await changed).record).toEqual(record(1))
  })

  it("ends with its signal, and says nothing of what became of it", async () => {
    const way = new LossyWay(...new Array<Fate>(1_000).fill("request lost"))
    const limit = new AbortController()
    way.clock.after(500, () => limit.abort())
    await expect(way.change(undefined, record(1), limit.signal)).rejects.toMatchObject({ code: "Aborted" })
  })
})

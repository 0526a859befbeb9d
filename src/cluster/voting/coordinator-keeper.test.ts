/** A store's coordinator as the election's keeper: every call ends, and says no more than is known. */
import { beforeEach, describe, expect, it } from "vitest"
import type { Coordinator } from "../../coordination/index.ts"
import { MemoryCoordinator, MemoryRecords } from "../../coordination/memory/index.ts"
import { ZincError } from "../../core/errors.ts"
import { silentLogger } from "../../core/logger.ts"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import type { ReadOutcome, SetOutcome } from "../election/index.ts"
import { foundingRecord, newGenerationId, newVoterId, type RootRecord } from "../election/root-record.ts"
import { CoordinatorKeeper } from "./coordinator-keeper.ts"

const random = new SeededRandom(5)
const founder = { voterId: newVoterId(random), addresses: ["tcp://a:1"] }

describe("CoordinatorKeeper", () => {
  let clock: SimulatedClock
  let records: MemoryRecords
  let coordinator: Coordinator
  let first: RootRecord

  beforeEach(() => {
    clock = new SimulatedClock()
    records = new MemoryRecords()
    coordinator = new MemoryCoordinator({ tree: "t", records })
    first = foundingRecord("t", newGenerationId(random), founder)
  })

  const keeper = (of: Coordinator = coordinator) => new CoordinatorKeeper(of, clock, silentLogger)
  const read = (from: CoordinatorKeeper) => new Promise<ReadOutcome>(resolve => from.read(resolve))
  const set = (to: CoordinatorKeeper, revision: number, record: RootRecord) =>
    new Promise<SetOutcome>(resolve => to.compareAndSet(revision, record, resolve))
  const at = (revision: number): RootRecord => ({ ...first, revision, epoch: revision })

  it("founds, changes, and tells what stands in the way", async () => {
    const [one, other] = [keeper(), keeper()]
    expect(await read(one)).toEqual({ type: "read", record: undefined })
    expect(await set(one, 0, first)).toEqual({ type: "set" })
    expect(await set(other, 0, first)).toEqual({ type: "conflict", record: first })
    expect(await set(other, 1, at(2))).toEqual({ type: "set" })
    expect(await set(one, 1, at(2))).toEqual({ type: "conflict", record: at(2) })
    expect(await read(one)).toEqual({ type: "read", record: at(2) })
  })

  it("takes what it has watched for what is there, and asks when it is not", async () => {
    const [one, other] = [keeper(), keeper()]
    const seen: number[] = []
    other.watch(record => seen.push(record.revision))
    await set(one, 0, first)
    await set(one, 1, at(2))
    await expect.poll(() => seen.at(-1)).toBe(2)
    expect(await set(other, 2, at(3))).toEqual({ type: "set" })
    expect(await set(one, 3, at(4))).toEqual({ type: "set" })
    other.end()
    await set(one, 4, at(5))
    expect(seen.at(-1)).toBe(4)
  })

  it("writes over a record that somebody has written anew in the same words", async () => {
    const one = keeper()
    await set(one, 0, first)
    const { bytes } = records.stored("t")!
    records.put("t", bytes)
    expect(await set(one, 1, at(2))).toEqual({ type: "set" })
  })

  it("says that it is out of reach, and that it does not know", async () => {
    const one = keeper()
    await set(one, 0, first)
    records.reachable = false
    expect(await read(one)).toEqual({ type: "unavailable" })
    expect(await set(one, 1, at(2))).toEqual({ type: "unknown" })
    records.reachable = true
    records.put("t", new Uint8Array([1, 2, 3]))
    expect(await read(one)).toEqual({ type: "unavailable" })
  })

  it("does not wait longer than a second for a store that hangs", async () => {
    const hangs = <T>({ signal }: { signal?: AbortSignal } = {}) =>
      new Promise<T>((_, reject) =>
        signal?.addEventListener("abort", () => reject(new ZincError("Aborted", "no answer")), { once: true }),
      )
    const hanging = Object.assign(Object.create(coordinator) as Coordinator, {
      read: hangs,
      compareAndSet: (_: unknown, __: unknown, options: { signal?: AbortSignal }) => hangs(options),
    })
    const one = keeper(hanging)
    const outcomes = Promise.all([read(one), set(one, 0, first)])
    await clock.run(1000)
    expect(await outcomes).toEqual([{ type: "unavailable" }, { type: "unknown" }])
  })
})

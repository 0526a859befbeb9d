import { describe, expect, it } from "vitest"
import { utf8 } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"
import { RecordingLogger } from "../core/logger.ts"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { MemoryStorage } from "../storage/memory/memory-storage.ts"
import type { StorageChange } from "../storage/storage.ts"
import { DocumentStore } from "./document-store.ts"

/** Memory that counts its writes, and fails or takes its time when told. */
class WatchedStorage extends MemoryStorage {
  writes = 0
  failures = 0
  takesMs = 0
  readonly #clock: SimulatedClock
  constructor(clock: SimulatedClock) {
    super()
    this.#clock = clock
  }
  override async write(changes: readonly StorageChange[]): Promise<void> {
    this.writes++
    if (this.takesMs > 0) await new Promise<void>(resolve => this.#clock.after(this.takesMs, resolve))
    if (this.failures-- > 0) throw new ZincError("Full", "the disk is full")
    await super.write(changes)
  }
}

function opened() {
  const clock = new SimulatedClock()
  const storage = new WatchedStorage(clock)
  const logger = new RecordingLogger()
  return { clock, storage, logger, store: new DocumentStore({ storage, clock, logger, saveAfterMs: 1_000 }) }
}

describe("DocumentStore", () => {
  it("gives back type and state, and nothing of what was never saved", async () => {
    const { store } = opened()
    store.changed("größe", "text", () => utf8("state"))
    await store.saved()
    expect(await store.load("größe")).toEqual({ type: "text", state: utf8("state") })
    expect(await store.load("other")).toBeUndefined()
  })

  it("makes one write of all that changes within its delay", async () => {
    const { clock, storage, store } = opened()
    for (let i = 0; i < 50; i++) {
      store.changed("notes", "text", () => utf8(String(i)))
      await clock.run(10)
    }
    expect(storage.writes).toBe(0)
    await clock.run(1_000)
    expect(storage.writes).toBe(1)
    expect((await store.load("notes"))!.state.length).toBeGreaterThan(0)
    await clock.run(10_000)
    expect(storage.writes, "nothing changed since").toBe(1)
  })

  it("pauses ten times as long as a write took", async () => {
    const { clock, storage, store } = opened()
    storage.takesMs = 500
    const changing = clock.every(100, () => store.changed("notes", "text", () => utf8("x")))
    await clock.run(20_000)
    changing.cancel()
    expect(storage.writes).toBeGreaterThanOrEqual(3)
    expect(storage.writes).toBeLessThanOrEqual(4)
  })

  it("tries again what could not be written, and says so", async () => {
    const { clock, storage, store, logger } = opened()
    storage.failures = 2
    store.changed("notes", "text", () => utf8("kept in the end"))
    await clock.run(20_000)
    expect(storage.writes).toBe(3)
    expect(logger.records.filter(record => record.level === "error")).toHaveLength(2)
    expect((await store.load("notes"))!.state).toEqual(utf8("kept in the end"))
  })

  it("tells who waits for the save that it failed", async () => {
    const { storage, store } = opened()
    storage.failures = 1
    store.changed("notes", "text", () => utf8("x"))
    await expect(store.saved("notes")).rejects.toMatchObject({ code: "Full" })
    await store.saved("notes")
    expect((await store.load("notes"))!.state).toEqual(utf8("x"))
  })

  it("refuses a record that is none", async () => {
    const { storage, store } = opened()
    await storage.write([{ type: "put", key: ["document", "notes"], value: new Uint8Array([9, 9]) }])
    await expect(store.load("notes")).rejects.toMatchObject({ code: "BadPayload" })
  })
})

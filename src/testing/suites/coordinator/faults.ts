/** The store goes away, stands still, forgets, and comes back. */
import assert from "node:assert/strict"
import type { Coordinator } from "../../../coordination/coordinator.ts"
import { changeRecord } from "../../../coordination/record-change.ts"
import { systemClock } from "../../../core/clock.ts"
import { ZincError } from "../../../core/errors.ts"
import type { CoordinatorFaults } from "./options.ts"
import { hasCode, patienceMs, type Scene, type SceneTest, sameHeld } from "./scene.ts"

/** How late timers and answers may be on a busy machine. */
const slackMs = 2_000

export function faultTests(test: SceneTest, faults: CoordinatorFaults): void {
  const { stall, silenceMs, timeoutMs } = faults

  test("knows by its own clock that a store stands still, and comes back to it", async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const held = await one.compareAndSet(undefined, scene.record(1))
    const sights = scene.sights(other)
    await sights.seeEpoch(1)
    await connected(scene, other)
    const told = contactEvent(other, "silent")
    stall.pause()
    try {
      const began = performance.now()
      await scene.watch.settled("the news that the store is silent", told)
      const tookMs = performance.now() - began
      assert.ok(tookMs <= silenceMs * 1.25 + slackMs, `told after ${Math.round(tookMs)} ms`)
      assert.equal(other.contact, "silent")
      const asked = performance.now()
      await assert.rejects(other.read(), hasCode("Timeout", "Unreachable"))
      assert.ok(performance.now() - asked <= timeoutMs + slackMs, "the call took longer than it may")
    } finally {
      stall.resume()
    }
    await connected(scene, other)
    await eventually(() => one.compareAndSet(held, scene.record(2)))
    await sights.seeEpoch(2)
  })

  test("closes while the store stands still", async scene => {
    const coordinator = await scene.open()
    await coordinator.compareAndSet(undefined, scene.record(1))
    stall.pause()
    try {
      const waiting = assert.rejects(coordinator.read(), hasCode("Closed", "Timeout", "Unreachable"))
      const began = performance.now()
      await coordinator.close()
      assert.ok(performance.now() - began <= 1_000 + slackMs, "closing took longer than it may")
      await waiting
    } finally {
      stall.resume()
    }
  })

  test("finds out what became of a change whose answer was lost", async scene => {
    const coordinator = await scene.open()
    const held = await coordinator.compareAndSet(undefined, scene.record(1))
    await connected(scene, coordinator)
    const silent = contactEvent(coordinator, "silent")
    stall.pause()
    const next = scene.record(2)
    const signal = AbortSignal.timeout(patienceMs)
    const changed = changeRecord(coordinator, held, next, { clock: systemClock, signal })
    // One attempt is made while nothing answers; it may reach the store later, or never.
    try {
      await scene.watch.settled("silence", silent)
    } finally {
      stall.resume()
    }
    const written = await changed
    assert.deepEqual(written.record, next)
    sameHeld(await eventually(() => coordinator.read()), written)
    const rival = changeRecord(coordinator, held, scene.record(3), { clock: systemClock, signal })
    await assert.rejects(rival, hasCode("Conflict"))
  })

  const { restart } = faults
  if (restart !== undefined) {
    test("keeps the record over kill -9 of the store, and goes on by itself", async scene => {
      const [one, other] = [await scene.open(), await scene.open()]
      const held = await one.compareAndSet(undefined, scene.record(1))
      const sights = scene.sights(other)
      await sights.seeEpoch(1)
      await connected(scene, one)
      const silent = contactEvent(one, "silent")
      await restart.kill()
      try {
        await scene.watch.settled("the news that the store is away", silent)
        await assert.rejects(one.compareAndSet(held, scene.record(2)), hasCode("Unreachable"))
      } finally {
        await restart.start()
      }
      sameHeld(await eventually(() => one.read()), held)
      await eventually(() => one.compareAndSet(held, scene.record(3)))
      await sights.seeEpoch(3)
    })
  }

  const { wipe } = faults
  if (wipe !== undefined) {
    test("never takes a store that was wiped for the one before", async scene => {
      // Both times from nothing, so that the store counts both records alike.
      await wipe()
      const [one, other] = [await scene.open(), await scene.open()]
      const before = await eventually(() => one.compareAndSet(undefined, scene.record(1)))
      const sights = scene.sights(other)
      await sights.seeEpoch(1)
      await wipe()
      await sights.see("none")
      await assert.rejects(
        eventually(() => one.compareAndSet(before, scene.record(2))),
        hasCode("Conflict"),
      )
      const generation = "00000000-0000-4000-8000-00000000000c"
      const after = await eventually(() => other.compareAndSet(undefined, scene.record(1, { generation })))
      await assert.rejects(one.compareAndSet(before, scene.record(2)), hasCode("Conflict"))
      sameHeld(await one.read(), after)
      await sights.seeEpoch(1)
    })
  }

  if (faults.severed !== undefined) {
    test("behind a line that is cut, is silent and later sees what it missed", async scene => {
      const near = await scene.open()
      const { coordinator: far, cut, heal } = await faults.severed!(scene.tree)
      scene.owned(far)
      const sights = scene.sights(far)
      const held = await near.compareAndSet(undefined, scene.record(1))
      await sights.seeEpoch(1)
      await connected(scene, far)
      const silent = contactEvent(far, "silent")
      cut()
      await scene.watch.settled("the news of silence", silent)
      const next = await near.compareAndSet(held, scene.record(2))
      assert.equal(near.contact, "connected")
      await assert.rejects(far.compareAndSet(held, scene.record(3)), hasCode("Timeout", "Unreachable", "PeerLost"))
      heal()
      await sights.seeEpoch(2)
      assert.deepEqual(sights.last, { type: "held", held: next })
      await connected(scene, far)
      await assert.rejects(
        eventually(() => far.compareAndSet(held, scene.record(3))),
        hasCode("Conflict"),
      )
    })
  }
}

async function connected(scene: Scene, coordinator: Coordinator): Promise<void> {
  await scene.until("contact with the store", () => coordinator.contact === "connected")
}

/** The next time the coordinator says so. */
function contactEvent(coordinator: Coordinator, wanted: string): Promise<void> {
  return new Promise(resolve => {
    const stop = coordinator.on("contact", ({ contact }) => {
      if (contact !== wanted) return
      stop()
      resolve()
    })
  })
}

/** Again while the store only just comes back. */
async function eventually<T>(call: () => Promise<T>): Promise<T> {
  const endAt = performance.now() + patienceMs
  for (;;) {
    try {
      return await call()
    } catch (error) {
      const passing = ZincError.is(error) && ["Timeout", "Unreachable", "PeerLost"].includes(error.code)
      if (!passing || performance.now() > endAt) throw error
    }
  }
}

/** Closing, stopping, and a source that goes away. */
import assert from "node:assert/strict"
import { hasCode } from "../coordinator/scene.ts"
import type { DiscoverySuiteOptions } from "./options.ts"
import type { HostSceneTest } from "./scene.ts"

export function lifeTests(test: HostSceneTest, options: DiscoverySuiteOptions): void {
  test("refuses everything once closed, and closes twice", async scene => {
    const discovery = await scene.open()
    await Promise.all([discovery.close(), discovery.close()])
    await assert.rejects(discovery.find(), hasCode("Closed"))
    assert.throws(() => discovery.watch(() => {}), hasCode("Closed"))
    if (discovery.supports.announce) await assert.rejects(discovery.announce(scene.host("hub")), hasCode("Closed"))
  })

  test("heeds a signal that has aborted", async scene => {
    const discovery = await scene.open()
    await assert.rejects(discovery.find({ signal: AbortSignal.abort() }), hasCode("Aborted"))
  })

  test("tells nothing more to a watcher that stopped, and goes on past one that throws", async scene => {
    const discovery = await scene.open()
    const stopped = scene.sights(discovery)
    stopped.stop()
    discovery.watch(() => {
      throw new Error("this watcher throws on purpose")
    })
    const sights = scene.sights(discovery)
    await scene.until("a watcher to be told", () => sights.all.length > 0)
    assert.deepEqual(stopped.all, [])
  })

  const { restart, wipe, severed } = options.faults ?? {}
  if (restart !== undefined) {
    test("announces again by itself after kill -9 of the source", async scene => {
      const [one, other] = [await scene.open(), await scene.open()]
      const [hub, late] = [scene.host("hub"), scene.host("late")]
      const announcement = await one.announce(hub)
      const sights = scene.sights(other)
      await sights.see(hub)
      await restart.kill()
      try {
        await assert.rejects(other.find(), hasCode("Unreachable", "Timeout"))
        announcement.update({ ...hub, free: 1 })
      } finally {
        await restart.start()
      }
      await sights.see({ ...hub, free: 1 })
      await scene.watch.settled("another announcement", one.announce(late))
      await sights.see({ ...hub, free: 1 }, late)
    })
  }

  if (wipe !== undefined) {
    test("announces again by itself after the source lost everything", async scene => {
      const [one, other] = [await scene.open(), await scene.open()]
      const hub = scene.host("hub")
      await one.announce(hub)
      const sights = scene.sights(other)
      await sights.see(hub)
      const before = sights.all.length
      await wipe()
      await scene.finds(other, [hub])
      await sights.see(hub)
      assert.ok(sights.all.length >= before)
    })
  }

  if (severed !== undefined) {
    test("forgets a host that is cut off, and finds it again once healed", async scene => {
      const near = await scene.open()
      const { discovery: far, cut, heal } = await severed(scene.tree)
      scene.owned(far)
      const [here, there] = [scene.host("here"), scene.host("there")]
      await near.announce(here)
      await far.announce(there)
      const [nearby, afar] = [scene.sights(near), scene.sights(far)]
      await nearby.see(here, there)
      await afar.see(here, there)
      cut()
      await nearby.see(here)
      const later = scene.host("later")
      await near.announce(later)
      heal()
      await nearby.see(here, there, later)
      await afar.see(here, there, later)
    })
  }
}

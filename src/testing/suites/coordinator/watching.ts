/** Watching. */
import assert from "node:assert/strict"
import { utf8 } from "../../../core/bytes.ts"
import type { SceneTest } from "./scene.ts"

export function watchTests(test: SceneTest): void {
  test("tells a watcher what is there, also when there is nothing", async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const early = scene.sights(one)
    await early.see("none")
    const held = await other.compareAndSet(undefined, scene.record(1))
    await early.see("held")
    const late = scene.sights(one)
    await late.see("held")
    assert.deepEqual(late.last, { type: "held", held })
    assert.deepEqual(early.last, { type: "held", held })
  })

  test("tells a watcher the last of many changes, and never goes back", async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const [near, far] = [scene.sights(one), scene.sights(other)]
    let held = await one.compareAndSet(undefined, scene.record(1))
    for (let epoch = 2; epoch <= 60; epoch++) held = await one.compareAndSet(held, scene.record(epoch))
    for (const sights of [near, far]) {
      await sights.seeEpoch(60)
      assert.deepEqual(sights.last, { type: "held", held })
      assert.deepEqual(
        sights.epochs,
        [...new Set(sights.epochs)].sort((a, b) => a - b),
        "told twice or out of order",
      )
    }
  })

  test("tells a watcher of removal, of what is none of ours, and of the record that follows", async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const sights = scene.sights(other)
    await one.compareAndSet(undefined, scene.record(1))
    await sights.seeEpoch(1)
    await scene.put(undefined)
    await sights.see("none")
    await scene.put(utf8("something else"))
    await sights.see("bad")
    const { last } = sights
    assert.equal(last?.type === "bad" && last.error.code, "BadRecord")
    await scene.put(undefined)
    await sights.see("none")
    await one.compareAndSet(undefined, scene.record(9))
    await sights.seeEpoch(9)
  })

  test("tells nothing more to a watcher that stopped, and goes on past one that throws", async scene => {
    const coordinator = await scene.open()
    const stopped = scene.sights(coordinator)
    await stopped.see("none")
    stopped.stop()
    coordinator.watch(() => {
      throw new Error("this watcher throws on purpose")
    })
    const sights = scene.sights(coordinator)
    await coordinator.compareAndSet(undefined, scene.record(1))
    await sights.seeEpoch(1)
    assert.deepEqual(stopped.all, [{ type: "none" }])
  })

  test("becomes connected by itself, and says so", async scene => {
    const coordinator = await scene.open()
    const told: string[] = []
    coordinator.on("contact", ({ contact }) => {
      told.push(contact)
      scene.watch.poke()
    })
    await scene.until("contact", () => coordinator.contact === "connected")
    await coordinator.close()
    assert.equal(told.at(-1), "closed")
  })
}

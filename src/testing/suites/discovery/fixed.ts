/** Sources that somebody else keeps. */
import assert from "node:assert/strict"
import { hasCode } from "../coordinator/scene.ts"
import type { FixedHosts } from "./options.ts"
import type { HostSceneTest } from "./scene.ts"

export function fixedTests(test: HostSceneTest, fixed: FixedHosts): void {
  test("finds what the source says, in its order", async scene => {
    const discovery = await scene.open()
    assert.deepEqual(await discovery.find(), fixed.hosts)
  })

  test("tells a watcher what the source says", async scene => {
    const sights = scene.sights(await scene.open())
    await scene.until("a watcher to be told", () => sights.last !== undefined)
    assert.deepEqual(sights.last, fixed.hosts)
  })

  test("says that nobody can announce there", async scene => {
    const discovery = await scene.open()
    assert.equal(discovery.supports.announce, false)
    await assert.rejects(discovery.announce(scene.host("hub")), hasCode("Unsupported"))
  })

  if (fixed.change !== undefined) {
    test("tells a watcher when the source says something else", async scene => {
      const sights = scene.sights(await scene.open())
      await scene.until("a watcher to be told", () => sights.last !== undefined)
      const hosts = await fixed.change!()
      await scene.until("a watcher to be told the news", () => JSON.stringify(sights.last) === JSON.stringify(hosts))
    })
  }
}

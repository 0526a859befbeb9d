/**
 * What everything must keep that keeps root records. Run it on a coordinator of your own:
 *
 *     coordinatorSuite({ runner: { describe, it }, name: "consul", open: tree => ConsulCoordinator.open({ tree, … }), … })
 */
import assert from "node:assert/strict"
import { systemRandom } from "../../core/random.ts"
import { faultTests } from "./coordinator/faults.ts"
import type { CoordinatorSuiteOptions } from "./coordinator/options.ts"
import { recordTests } from "./coordinator/records.ts"
import { Scene } from "./coordinator/scene.ts"
import { watchTests } from "./coordinator/watching.ts"

export function coordinatorSuite(options: CoordinatorSuiteOptions): void {
  const { describe, it } = options.runner
  /** A test with a tree of its own; all it opens is closed. */
  const test = (name: string, body: (scene: Scene) => Promise<void>) =>
    it(name, async () => {
      const scene = new Scene(options, `suite ${systemRandom.u32()}/ü`)
      try {
        await body(scene)
      } finally {
        await scene.close()
      }
    })

  describe(`coordinator ${options.name}`, () => {
    recordTests(test)
    watchTests(test)
    if (options.faults !== undefined) faultTests(test, options.faults)
    it("says what it can do", async () => {
      const scene = new Scene(options, "abilities")
      const coordinator = await scene.open()
      assert.equal(typeof coordinator.supports.durable, "boolean")
      assert.equal(typeof coordinator.supports.shared, "boolean")
      assert.ok(coordinator.place.length > 0)
      await scene.close()
    })
  })
}

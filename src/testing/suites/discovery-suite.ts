/**
 * What everything must keep that finds hosts. Run it on a discovery of your own:
 *
 *     discoverySuite({ runner: { describe, it }, name: "consul", open: tree => ConsulDiscovery.open({ tree, … }), … })
 */
import { systemRandom } from "../../core/random.ts"
import { announcementTests } from "./discovery/announcing.ts"
import { fixedTests } from "./discovery/fixed.ts"
import { lifeTests } from "./discovery/life.ts"
import type { DiscoverySuiteOptions } from "./discovery/options.ts"
import { HostScene } from "./discovery/scene.ts"

export function discoverySuite(options: DiscoverySuiteOptions): void {
  const { describe, it } = options.runner
  /** A test with a tree of its own; all it opens is closed. */
  const test = (name: string, body: (scene: HostScene) => Promise<void>) =>
    it(name, async () => {
      const scene = new HostScene(options, `suite ${systemRandom.u32()}/ü`)
      try {
        await body(scene)
      } finally {
        await scene.close()
      }
    })

  describe(`discovery ${options.name}`, () => {
    if (options.fixed === undefined) announcementTests(test, options)
    else fixedTests(test, options.fixed)
    lifeTests(test, options)
  })
}

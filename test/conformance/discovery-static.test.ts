import { describe, expect, it } from "vitest"
import { StaticDiscovery } from "../../src/discovery/static/index.ts"
import { discoverySuite } from "../../src/testing/suites/discovery-suite.ts"

const seeds = ["tcp://b.example:7700", "tcp://a.example:7700", "ipc:///run/zinc.sock"]

discoverySuite({
  runner: { describe, it },
  name: "static",
  open: async tree => new StaticDiscovery({ tree, seeds }),
  fixed: { hosts: seeds.map(seed => ({ addresses: [seed] })) },
})

describe("StaticDiscovery", () => {
  it("refuses what is no address, and no seeds at all", () => {
    const open = (given: readonly string[]) => () => new StaticDiscovery({ tree: "t", seeds: given })
    expect(open(["hub:7700"])).toThrow(expect.objectContaining({ code: "BadAddress" }))
    expect(open([])).toThrow(expect.objectContaining({ code: "BadOption" }))
  })
})

import { describe, it } from "vitest"
import { MemoryDiscovery, MemoryHosts } from "../../src/discovery/memory/index.ts"
import { discoverySuite } from "../../src/testing/suites/discovery-suite.ts"

const hosts = new MemoryHosts()

discoverySuite({
  runner: { describe, it },
  name: "memory",
  open: async tree => new MemoryDiscovery({ tree, hosts }),
  put: async (tree, id, bytes) => hosts.put(`${tree}\0${id}`, bytes),
  faults: {
    restart: {
      kill: async () => {
        hosts.reachable = false
      },
      start: async () => {
        hosts.reachable = true
      },
    },
  },
})

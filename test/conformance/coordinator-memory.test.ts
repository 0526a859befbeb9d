import { describe, it } from "vitest"
import { MemoryCoordinator, MemoryRecords } from "../../src/coordination/memory/index.ts"
import { coordinatorSuite } from "../../src/testing/suites/coordinator-suite.ts"

const records = new MemoryRecords()

coordinatorSuite({
  runner: { describe, it },
  name: "memory",
  open: async tree => new MemoryCoordinator({ tree, records }),
  put: async (tree, bytes) => void records.put(tree, bytes),
  faults: {
    silenceMs: 0,
    timeoutMs: 0,
    stall: {
      pause: () => {
        records.reachable = false
      },
      resume: () => {
        records.reachable = true
      },
    },
  },
})

import { describe, it } from "vitest"
import { systemClock } from "../../src/core/clock.ts"
import { SimulatedClock } from "../../src/core/simulated-clock.ts"
import { carrierSuite } from "../../src/testing/suites/carrier-suite.ts"
import { MemoryCarrier } from "../../src/transport/carrier/memory.ts"

function addresses() {
  let next = 0
  return {
    address: () => `inproc://name-${++next}`,
    unreachable: "inproc://nobody",
    bad: ["inproc://", "tcp://127.0.0.1:1", "nothing"],
  }
}

carrierSuite({
  runner: { describe, it },
  name: "memory",
  open: () => ({ carrier: new MemoryCarrier(systemClock), ...addresses() }),
})

carrierSuite({
  runner: { describe, it },
  name: "memory on virtual time",
  open: () => {
    const clock = new SimulatedClock()
    return { carrier: new MemoryCarrier(clock), ...addresses(), settle: durationMs => clock.run(durationMs) }
  },
})

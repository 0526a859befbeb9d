import { describe, it } from "vitest"
import { carrierSuite } from "../../src/testing/suites/carrier-suite.ts"
import { IpcCarrier } from "../../src/transport/carrier/ipc.ts"

carrierSuite({
  runner: { describe, it },
  name: "ipc",
  open: () => ({
    carrier: new IpcCarrier(),
    address: () => "ipc://*",
    unreachable: "ipc:///nowhere/at.all",
    bad: ["ipc://", "ipc://@abstract", `ipc:///${"x".repeat(120)}`, "tcp://127.0.0.1:1", "nothing"],
  }),
})

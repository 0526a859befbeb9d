import { describe, it } from "vitest"
import { carrierSuite } from "../../src/testing/suites/carrier-suite.ts"
import { TcpCarrier } from "../../src/transport/carrier/tcp.ts"

for (const host of ["*", "127.0.0.1", "[::1]"]) {
  carrierSuite({
    runner: { describe, it },
    name: `tcp at ${host}`,
    open: () => ({
      carrier: new TcpCarrier(),
      address: () => `tcp://${host}:0`,
      unreachable: "tcp://127.0.0.1:9",
      bad: ["tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "ipc:///tmp/x", "nothing"],
    }),
  })
}

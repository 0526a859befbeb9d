// How long after its process began is a program a host? Beside Node with an empty program, which is the floor.
import { started } from "./started.mjs"

export default {
  name: "startup/host",
  question: "milliseconds from the start of the process until Endpoint.host has resolved",
  *cases() {
    yield {
      parameters: { transport: "tcp" },
      unit: "ms",
      better: "less",
      limit: 150,
      contenders: {
        zinc: async () => (await started("host")).ready,
        node: async () => (await started("node")).ready,
        "zeromq.js": async () => (await started("zeromq-js")).ready,
      },
    }
  },
}

// How many messages a second go from one PUSH to one PULL in another process? Single frames, prepared beforehand; the
// rate is taken at the receiver from its first message on. Queue limits are libzmq's defaults, 1,000 messages a side.
import { wireContenders } from "./contenders.mjs"
import { rate } from "./rate.mjs"

const sizes = [16, 100, 256, 1024, 10_240, 65_536]

export default {
  name: "wire/push-pull",
  question: "messages a second from a PUSH to a PULL in another process",
  seconds: 0.4,
  async *cases(options) {
    const contenders = wireContenders(options.only)
    for (const transport of options.transports ?? ["tcp", "ipc"]) {
      for (const size of options.sizes ?? sizes) {
        yield {
          parameters: { transport, size },
          unit: "msg/s",
          better: "more",
          contenders: Object.fromEntries(
            Object.entries(contenders).map(([name, contender]) => [name, rate(name, contender, transport, size)]),
          ),
          targets: { libzmq: 1.0, ...(size <= 100 ? { "zeromq.js": 10 } : {}), ...(size >= 256 ? { net: 0.85 } : {}) },
        }
      }
    }
  },
}

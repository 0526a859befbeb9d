// How many messages a second does a host deliver that one client sends to many? Client → host → 1, 10 and 100 clients:
// envelope, session, numbering, replay ring, and a handler called for each delivery. The receiving clients share one
// process, the host and the sender have one each. The sender keeps at most `window` messages ahead of the slowest
// receiver, as an application with flow control does, so nobody drops anything; a receiver that misses a message fails.
// The first messages warm all programs up and are not counted.
import { warmup } from "./peer/common.mjs"
import { star } from "./star.mjs"

const payload = 64
const window = 8192

export default {
  name: "endpoint/deliver",
  question: "deliveries a second, client → host → N clients, 64 B, through envelope, session and handler",
  async *cases(options) {
    for (const clients of options.sizes ?? [1, 10, 100]) {
      yield {
        parameters: { clients, size: payload },
        unit: "deliveries/s",
        better: "more",
        contenders: {
          zinc: rate("zinc", clients, 100_000),
          net: rate("net", clients, 300_000),
          "zeromq.js": rate("zeromq-js", clients, 20_000),
        },
        targets: {},
      }
    }
  },
}

function rate(name, clients, guess) {
  let known = Math.max(2000, Math.round(guess / (1 + clients / 10)))
  return async seconds => {
    const count = warmup(clients) + Math.max(2000, Math.round(known * seconds))
    const { host, receivers, sender } = await star(name, { clients, count, size: payload, window })
    const rateOfDeliveries = receivers.deliveries / receivers.seconds
    known = rateOfDeliveries / clients
    return {
      value: rateOfDeliveries,
      details: {
        "receivers CPU %": (receivers.cpuMs / receivers.seconds) * 0.1,
        "host CPU ms": host.cpuMs,
        "sender CPU ms": sender.cpuMs,
      },
    }
  }
}

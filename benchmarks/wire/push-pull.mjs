// How many messages a second go from one PUSH to one PULL in another process? Single frames, prepared beforehand; the
// rate is taken at the receiver from its first message on. Queue limits are libzmq's defaults, 1,000 messages a side.
import { expectedSum, wireContenders } from "./contenders.mjs"
import { pair } from "./pair.mjs"

const sizes = [16, 100, 256, 1024, 65_536]

export default {
  name: "wire/push-pull",
  question: "messages a second from a PUSH to a PULL in another process",
  async *cases(options) {
    const contenders = wireContenders(options.only)
    for (const transport of options.all ? ["tcp", "ipc"] : ["tcp"]) {
      for (const size of options.sizes ?? sizes) {
        yield {
          parameters: { transport, size },
          unit: "msg/s",
          better: "more",
          contenders: Object.fromEntries(
            Object.entries(contenders).map(([name, contender]) => [name, rate(name, contender, transport, size)]),
          ),
          targets: { libzmq: size >= 1024 ? 1.0 : 0.7, ...(size <= 100 ? { "zeromq.js": 6 } : {}) },
        }
      }
    }
  },
}

/** First guesses of messages a second at 16 octets; each run then takes what the last one reached. */
const guesses = { zinc: 3e6, libzmq: 3e6, "zeromq.js": 3e5, net: 6e6 }

/** What one contender takes, as a function of seconds; also of use to benches of the same work in another dress. */
export function rate(name, contender, transport, size) {
  let known
  return async seconds => {
    if (known === undefined) known = await once(Math.min(guesses[name] ?? 1e5, 2e9 / size) * Math.min(0.2, seconds))
    const measured = await once(known.value * seconds)
    known = measured
    return measured
  }

  async function once(wanted) {
    const count = Math.max(200, Math.round(wanted))
    const { bound, dialed } = await pair(contender, { bound: "pull", dialed: "push", count, size, transport })
    if (bound.sum !== expectedSum(count, size)) {
      throw new Error(`${name} at ${size} B received the sum ${bound.sum}, not ${expectedSum(count, size)}`)
    }
    return {
      value: count / bound.seconds,
      details: {
        "sender CPU %": (dialed.cpuMs / bound.seconds) * 0.1,
        "receiver CPU %": (bound.cpuMs / bound.seconds) * 0.1,
        seconds: bound.seconds,
      },
    }
  }
}

// How long is a message under way when the line is half full? A PUSH sends at a steady rate, each message stamped with
// the time at which it was due (so that a sender that falls behind is not forgiven), and the PULL notes how late it came.
//
//   load "half of libzmq's maximum"   everybody at the same rate: half of the most that libzmq reached here
//   load "half of its own maximum"    each at half of what it reached itself
import { wireContenders } from "./contenders.mjs"
import { pair } from "./pair.mjs"
import { rate } from "./rate.mjs"

const size = 100
const loads = ["half of libzmq's maximum", "half of its own maximum"]

export default {
  name: "wire/under-load",
  question: "microseconds from when a message was due until the PULL in another process has it, 100 octets",
  seconds: 0.8,
  async *cases(options) {
    const { "zeromq.js": binding, ...contenders } = wireContenders(options.only)
    for (const transport of options.transports ?? ["tcp"]) {
      const most = {}
      for (const [name, contender] of Object.entries(contenders)) {
        const measured = rate(name, contender, transport, size)
        const short = Math.min(0.3, options.seconds)
        const taken = [await measured(short), await measured(short), await measured(short)].map(each => each.value)
        most[name] = taken.sort((a, b) => a - b)[1]
      }
      const common = most.libzmq ?? Math.min(...Object.values(most))
      for (const load of loads) {
        const shared = load === loads[0]
        yield {
          parameters: { load, transport, size },
          unit: "µs",
          better: "less",
          rows: { p50: { percentile: 50 }, p99: { percentile: 99 }, p999: { percentile: 99.9 } },
          contenders: Object.fromEntries(
            Object.entries(contenders).map(([name, contender]) => [
              name,
              lateness(name, contender, transport, Math.round((shared ? common : most[name]) / 2)),
            ]),
          ),
        }
      }
    }
  },
}

function lateness(name, contender, transport, perSecond) {
  return async seconds => {
    const count = Math.max(1000, Math.round(perSecond * seconds))
    const { bound } = await pair(contender, {
      bound: "time",
      dialed: "pace",
      count,
      size,
      transport,
      more: [perSecond],
    })
    if (bound.messages !== count) throw new Error(`${name} received ${bound.messages} of ${count} messages`)
    return {
      values: { p50: bound.p50, p99: bound.p99, p999: bound.p999 },
      details: { "msg/s": perSecond, seconds: bound.seconds },
    }
  }
}

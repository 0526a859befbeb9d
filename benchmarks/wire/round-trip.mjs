// How long until an answer is back? One message of 64 octets at a time, from a DEALER to a ROUTER in another process and
// back; both processes on one core, and on one each. The first half of the trips is not counted: until then JavaScript is
// being compiled, on the same cores.
import { expectedSum, wireContenders } from "./contenders.mjs"
import { pair } from "./pair.mjs"
import { placements } from "./placement.mjs"

const size = 64

export default {
  name: "wire/round-trip",
  question: "microseconds from a DEALER to a ROUTER in another process and back, 64 octets",
  seconds: 1,
  async *cases(options) {
    const contenders = wireContenders(options.only)
    for (const transport of options.transports ?? ["tcp", "ipc"]) {
      for (const { placed, cores } of placements()) {
        yield {
          parameters: { transport, size, ...(placed && { placed }) },
          unit: "µs",
          better: "less",
          rows: { median: {}, p99: { percentile: 99 } },
          contenders: Object.fromEntries(
            Object.entries(contenders).map(([name, contender]) => [name, trips(name, contender, transport, cores)]),
          ),
          targets: { median: { libzmq: 1.0, net: 1.3 } },
        }
      }
    }
  },
}

function trips(name, contender, transport, cores) {
  return async seconds => {
    const count = Math.max(200, Math.round(16_000 * seconds))
    const { bound, dialed } = await pair(contender, {
      bound: "reply",
      dialed: "request",
      count,
      size,
      transport,
      cores,
    })
    if (dialed.sum !== expectedSum(count, size)) {
      throw new Error(`${name} got the sum ${dialed.sum} back, not ${expectedSum(count, size)}`)
    }
    return {
      values: { median: dialed.median, p99: dialed.p99 },
      details: { "CPU µs a trip": ((bound.cpuMs + dialed.cpuMs) * 1000) / count },
    }
  }
}

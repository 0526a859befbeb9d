// How long until an answer is back? One message of 64 octets at a time, from a DEALER to a ROUTER in another process and
// back. The first tenth of the trips is not counted.
import { expectedSum, wireContenders } from "./contenders.mjs"
import { pair } from "./pair.mjs"

const size = 64

export default {
  name: "wire/round-trip",
  question: "microseconds from a DEALER to a ROUTER in another process and back, 64 octets",
  seconds: 0.4,
  async *cases(options) {
    const contenders = wireContenders(options.only)
    for (const transport of options.transports ?? ["tcp", "ipc"]) {
      yield {
        parameters: { transport, size },
        unit: "µs",
        better: "less",
        rows: { median: {}, p99: { percentile: 99 } },
        contenders: Object.fromEntries(
          Object.entries(contenders).map(([name, contender]) => [name, trips(name, contender, transport)]),
        ),
        targets: { median: { libzmq: 1.0, net: 1.3 } },
      }
    }
  },
}

function trips(name, contender, transport) {
  return async seconds => {
    const count = Math.max(200, Math.round(12_000 * seconds))
    const { bound, dialed } = await pair(contender, { bound: "reply", dialed: "request", count, size, transport })
    if (dialed.sum !== expectedSum(count, size)) {
      throw new Error(`${name} got the sum ${dialed.sum} back, not ${expectedSum(count, size)}`)
    }
    return {
      values: { median: dialed.median, p99: dialed.p99 },
      details: { "CPU µs a trip": ((bound.cpuMs + dialed.cpuMs) * 1000) / count },
    }
  }
}

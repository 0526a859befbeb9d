// How long until a single message has reached all of N subscribers? The publisher is idle and sends one message of 64
// octets with the time in it; the subscribers, all in one other process, say when the last of them has it, and only then
// does the next one go out. Publisher and subscribers have a core each. The first half is not counted.
import { wireContenders } from "./contenders.mjs"
import { star } from "./fan-out.mjs"
import { placements } from "./placement.mjs"

export default {
  name: "wire/one-to-all",
  question: "microseconds from the sending of one message by a PUB until the last of N SUBs has it, 64 octets",
  seconds: 1.5,
  async *cases(options) {
    const { "zeromq.js": _, ...contenders } = wireContenders(options.only)
    const { placed, cores } = placements().at(-1)
    for (const transport of options.transports ?? ["tcp"]) {
      for (const subscribers of options.sizes ?? [1, 100, 1000]) {
        yield {
          parameters: { transport, subscribers, size: 64, ...(placed && { placed }) },
          unit: "µs",
          better: "less",
          rows: { median: {}, p99: { percentile: 99 } },
          contenders: Object.fromEntries(
            Object.entries(contenders).map(([name, contender]) => [
              name,
              single(contender, transport, subscribers, cores),
            ]),
          ),
        }
      }
    }
  },
}

function single(contender, transport, subscribers, cores) {
  return async seconds => {
    const count = Math.max(20, Math.round((1_000_000 * seconds) / (subscribers * 14 + 100)))
    const { receiver } = await star(contender, { roles: ["announce", "listen"], count, transport, subscribers, cores })
    return { values: { median: receiver.median, p99: receiver.p99 } }
  }
}

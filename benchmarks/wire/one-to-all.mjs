// How long until a single message has reached all of N subscribers? The publisher is idle and sends one message of 64
// octets with the time in it; the subscribers, all in one other process, say when the last of them has it, and only then
// does the next one go out.
import { wireContenders } from "./contenders.mjs"
import { star } from "./fan-out.mjs"

export default {
  name: "wire/one-to-all",
  question: "microseconds from the sending of one message by a PUB until the last of N SUBs has it, 64 octets",
  seconds: 0.25,
  async *cases(options) {
    const { "zeromq.js": _, ...contenders } = wireContenders(options.only)
    for (const transport of options.transports ?? ["tcp"]) {
      for (const subscribers of options.sizes ?? [1, 100, 1000]) {
        yield {
          parameters: { transport, subscribers, size: 64 },
          unit: "µs",
          better: "less",
          rows: { median: {}, p99: { percentile: 99 } },
          contenders: Object.fromEntries(
            Object.entries(contenders).map(([name, contender]) => [name, single(contender, transport, subscribers)]),
          ),
        }
      }
    }
  },
}

function single(contender, transport, subscribers) {
  return async seconds => {
    const count = Math.max(20, Math.round((200_000 * seconds) / (subscribers * 8 + 100)))
    const { receiver } = await star(contender, { roles: ["announce", "listen"], count, transport, subscribers })
    return { values: { median: receiver.median, p99: receiver.p99 } }
  }
}

// What does a program gain that was written for zeromq.js and imports zincmq/zeromq instead? One program, `await send` and
// `for await`, over the one and over the other: messages a second from a Push to a Pull in another process.
import { awaitedContenders } from "./contenders.mjs"
import { rate } from "./rate.mjs"

const sizes = [16, 100, 1024]

export default {
  name: "wire/drop-in",
  question: "messages a second from a Push to a Pull in another process, `await send` and `for await`",
  seconds: 0.4,
  async *cases(options) {
    const contenders = awaitedContenders(options.only)
    for (const transport of options.transports ?? ["tcp", "ipc"]) {
      for (const size of options.sizes ?? sizes) {
        yield {
          parameters: { transport, size },
          unit: "msg/s",
          better: "more",
          contenders: Object.fromEntries(
            Object.entries(contenders).map(([name, contender]) => [name, rate(name, contender, transport, size)]),
          ),
          targets: { "zeromq.js": 3 },
        }
      }
    }
  },
}

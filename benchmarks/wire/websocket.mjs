// The same as wire/push-pull over WebSocket, beside npm `ws` with one binary message for each of ours and nothing else (no
// handshake of ZMTP, no routing, no limits), and beside zeromq.js, whose libzmq speaks ZWS. Whoever dials masks.
import { webSocketContenders } from "./contenders.mjs"
import { rate } from "./rate.mjs"

const sizes = [16, 256, 1024, 10_240, 65_536]

export default {
  name: "wire/websocket",
  question: "messages a second from a PUSH to a PULL in another process, over ws://",
  seconds: 0.4,
  async *cases(options) {
    const contenders = webSocketContenders(options.only)
    for (const size of options.sizes ?? sizes) {
      yield {
        parameters: { transport: "ws", size },
        unit: "msg/s",
        better: "more",
        contenders: Object.fromEntries(
          Object.entries(contenders).map(([name, contender]) => [name, rate(name, contender, "ws", size)]),
        ),
        targets: { ws: 1.0, "zeromq.js": 1.0 },
      }
    }
  },
}

// How fast is one of our ends with libzmq at the other? Our PUSH to a PULL in C, and a PUSH in C to our PULL, beside C to C.
import { wireContenders } from "./contenders.mjs"
import { rate } from "./rate.mjs"

const sizes = [16, 1024, 65_536]

export default {
  name: "wire/mixed",
  question: "messages a second between one end of ours and one of libzmq in C, beside libzmq at both ends",
  seconds: 0.4,
  async *cases(options) {
    const { zinc, libzmq } = wireContenders(["zinc", "libzmq"])
    if (zinc === undefined || libzmq === undefined) {
      console.error("\n!!! wire/mixed needs both ours and libzmq's C peer, so it is skipped\n")
      return
    }
    const ways = {
      "zinc→libzmq": { receiver: libzmq, sender: zinc },
      "libzmq→zinc": { receiver: zinc, sender: libzmq },
    }
    for (const transport of options.transports ?? ["tcp"]) {
      for (const size of options.sizes ?? sizes) {
        // Once for both directions: libzmq with itself is the same work.
        const alone = rate("libzmq", libzmq, transport, size)
        for (const [way, { receiver, sender }] of Object.entries(ways)) {
          yield {
            parameters: { way, transport, size },
            unit: "msg/s",
            better: "more",
            contenders: { zinc: rate("libzmq", receiver, transport, size, { sender }), libzmq: alone },
            targets: { libzmq: 0.8 },
          }
        }
      }
    }
  },
}

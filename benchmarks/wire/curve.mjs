// The same as wire/push-pull, under CURVE: every message is sealed and opened. Zinc as it does it where both optional
// packages are installed, and with --all by libsodium's WebAssembly alone and by plain JavaScript; libzmq by libsodium's
// machine code.
import { wireContenders } from "./contenders.mjs"
import { rate } from "./rate.mjs"

const sizes = [16, 1024, 10_240, 65_536]

export default {
  name: "wire/curve",
  question: "messages a second from a PUSH to a PULL in another process, under CURVE",
  seconds: 0.4,
  async *cases(options) {
    const { zinc, libzmq, "zeromq.js": binding } = wireContenders(options.only)
    const contenders = {
      zinc: zinc && covered(zinc, "sodium"),
      ...(options.all && {
        "zinc (wasm)": zinc && covered(zinc, "wasm"),
        "zinc (noble)": zinc && covered(zinc, "noble"),
      }),
      libzmq: libzmq && covered(libzmq),
      "zeromq.js": binding && covered(binding),
    }
    const present = Object.entries(contenders).filter(([, contender]) => contender !== undefined)
    for (const size of options.sizes ?? sizes) {
      yield {
        parameters: { transport: "tcp", size },
        unit: "msg/s",
        better: "more",
        contenders: Object.fromEntries(
          present.map(([name, contender]) => [name, rate(`${name} with CURVE`, contender, "tcp", size)]),
        ),
      }
    }
  },
}

function covered([command, first], box = "") {
  return [command, first, { ZINC_BENCH_CURVE: "1", ZINC_BENCH_BOX: box }]
}

// Messages a second from a PUSH to a PULL of the same process, over inproc. Ours share one thread; libzmq's two ends have
// a thread each, and pass messages on without copying them. Our receiver borrows; then the same for the program that says
// `await send` and `for await`, whose receiver keeps what it gets.
import { awaitedContenders, expectedSum, wireContenders } from "./contenders.mjs"
import { started } from "./pair.mjs"

const sizes = [16, 1024, 65_536]

export default {
  name: "wire/inproc",
  question: "messages a second from a PUSH to a PULL of the same process",
  seconds: 0.3,
  async *cases(options) {
    const { net, ...contenders } = wireContenders(options.only)
    for (const size of options.sizes ?? sizes) yield row({ transport: "inproc", size }, contenders)
    const awaited = awaitedContenders(options.only)
    for (const size of options.sizes ?? sizes) yield row({ transport: "inproc", size, door: "await" }, awaited)
  },
}

function row(parameters, contenders) {
  return {
    parameters,
    unit: "msg/s",
    better: "more",
    contenders: Object.fromEntries(
      Object.entries(contenders).map(([name, contender]) => [name, alone(name, contender, parameters.size)]),
    ),
  }
}

function alone(name, contender, size) {
  let known
  return async seconds => {
    known ??= (await once(100_000)).value
    const measured = await once(known * seconds)
    known = measured.value
    return measured
  }

  async function once(wanted) {
    const count = Math.max(200, Math.round(wanted))
    const { seconds, sum, cpuMs } = await started(contender, ["within", count, size, "inproc://bench"]).done
    if (sum !== expectedSum(count, size)) throw new Error(`${name} received the sum ${sum}`)
    return { value: count / seconds, details: { "CPU %": (cpuMs / seconds) * 0.1, seconds } }
  }
}

// Messages a second from a PUSH to a PULL: one contender's run, for all benches of that work, in whatever dress.
import { expectedSum } from "./contenders.mjs"
import { pair } from "./pair.mjs"

/** First guesses of messages a second at 16 octets; each run then takes what the last one reached. */
const guesses = { zinc: 3e6, libzmq: 3e6, "zeromq.js": 3e5, net: 6e6 }

/**
 * What one contender takes, as a function of seconds. With `sender`, another contender's program, the messages come from
 * that and `contender` only receives.
 */
export function rate(name, contender, transport, size, { sender = contender } = {}) {
  let known
  return async seconds => {
    if (known === undefined) known = await once(Math.min(guesses[name] ?? 1e5, 2e9 / size) * Math.min(0.2, seconds))
    const measured = await once(known.value * seconds)
    known = measured
    return measured
  }

  async function once(wanted) {
    const count = Math.max(200, Math.round(wanted))
    const { bound, dialed } = await pair(contender, { bound: "pull", dialed: "push", count, size, transport, sender })
    if (bound.sum !== expectedSum(count, size)) {
      throw new Error(`${name} at ${size} B received the sum ${bound.sum}, not ${expectedSum(count, size)}`)
    }
    return {
      value: count / bound.seconds,
      details: {
        "sender CPU %": (dialed.cpuMs / bound.seconds) * 0.1,
        "receiver CPU %": (bound.cpuMs / bound.seconds) * 0.1,
        // Processor time, all threads, both ends: says something on a busy machine too.
        "CPU µs a message": ((dialed.cpuMs + bound.cpuMs) * 1000) / count,
        seconds: bound.seconds,
      },
    }
  }
}

// How many deliveries a second does one PUB make to many SUBs, all in one other process, when it sends as fast as they
// take? Everyone wants everything, nobody loses anything (a publisher waits for the slowest, as XPUB with NODROP does),
// and each receiver's sum is checked. Beside it what a delivery costs the publisher's process, all its threads.
import { expectedSum, wireContenders } from "./contenders.mjs"
import { placeFor, started } from "./pair.mjs"
import { on } from "./placement.mjs"

const size = 64

export default {
  name: "wire/fan-out",
  question: "deliveries a second from one PUB to N SUBs in another process, 64 octets, nobody losing any",
  seconds: 0.4,
  async *cases(options) {
    const { "zeromq.js": _, ...contenders } = wireContenders(options.only)
    for (const transport of options.transports ?? ["tcp"]) {
      for (const subscribers of options.sizes ?? [1, 100, 1000]) {
        yield {
          parameters: { transport, subscribers, size },
          unit: { rate: "deliveries/s", cpu: "µs" },
          better: { rate: "more", cpu: "less" },
          rows: { rate: {}, cpu: { figure: "publisher's CPU a delivery" } },
          contenders: Object.fromEntries(
            Object.entries(contenders).map(([name, contender]) => [
              name,
              deliveries(name, contender, transport, subscribers),
            ]),
          ),
          targets: { rate: { net: 0.5 } },
        }
      }
    }
  },
}

function deliveries(name, contender, transport, subscribers) {
  let known
  return async seconds => {
    if (known === undefined) known = (await once(1_000_000 / (subscribers + 4))).value / subscribers
    const measured = await once(known * seconds)
    known = measured.value / subscribers
    return { values: { rate: measured.value, cpu: measured.cpu }, details: measured.details }
  }

  async function once(wanted) {
    const count = Math.max(200, Math.round(wanted))
    const { publisher, receiver } = await star(contender, {
      roles: ["publish", "subscribe"],
      count,
      transport,
      subscribers,
    })
    const sum = expectedSum(count, size) * subscribers
    if (receiver.sum !== sum) throw new Error(`${name} delivered the sum ${receiver.sum}, not ${sum}`)
    const made = count * subscribers
    return {
      value: made / receiver.seconds,
      cpu: (publisher.cpuMs * 1000) / made,
      details: {
        "publisher CPU %": (publisher.cpuMs / receiver.seconds) * 0.1,
        "receiver CPU %": (receiver.cpuMs / receiver.seconds) * 0.1,
        seconds: receiver.seconds,
      },
    }
  }
}

/**
 * One process publishes, another holds all the subscribers. What the receiver says before it is done is passed to the
 * publisher as a line each, for those who wait to be told.
 */
export async function star(
  contender,
  { roles: [publish, subscribe], count, transport, subscribers, cores: [core, otherCore] = [] },
) {
  const place = placeFor(transport)
  const publisher = started(on(core, contender), [publish, count, size, place.address, subscribers])
  let receiver
  try {
    const { address } = await publisher.next()
    receiver = started(on(otherCore, contender), [subscribe, count, size, address, subscribers])
    for (;;) {
      const said = await receiver.next()
      if (said.heard === undefined) break
      publisher.tell("next")
    }
    publisher.dismiss()
    return { publisher: await publisher.done, receiver: await receiver.done }
  } catch (error) {
    publisher.kill()
    receiver?.kill()
    throw error
  } finally {
    place.remove()
  }
}

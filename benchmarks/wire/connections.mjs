// What does an idle connection cost, and do ten thousand of them work on one socket? One process binds a PULL and is asked
// for its memory, after a collection, before and after another process has dialled it that often; then each connection
// sends one message and all must arrive. The dialling process speaks just enough ZMTP for a handshake.
//
// Each end needs a file for each connection: where the system allows a process fewer, there are fewer connections, and a
// line says so.
import { spawnSync } from "node:child_process"
import { crowd, wireContenders } from "./contenders.mjs"
import { placeFor, started } from "./pair.mjs"

const wanted = 10_000
/** Files that a process needs besides. */
const spare = 200
/** Ten thousand handshakes take a while on a busy machine. */
const patience = { limitSeconds: 180 }

export default {
  name: "wire/connections",
  question: "octets of memory for each idle connection of one bound socket, and milliseconds until all are ready",
  runs: 3,
  async *cases(options) {
    const { zinc, libzmq, net } = wireContenders(options.only)
    const contenders = Object.entries({ zinc, libzmq, net }).filter(([, each]) => each !== undefined)
    for (const asked of options.sizes ?? [wanted]) {
      const connections = Math.min(asked, allowed())
      if (connections < asked) {
        console.error(
          `\n!!! the system allows a process ${allowed()} connections, so it is those rather than ${asked}\n`,
        )
      }
      yield {
        parameters: { transport: "tcp", connections },
        unit: { memory: "B", ready: "ms" },
        better: "less",
        rows: { memory: { figure: "memory a connection" }, ready: { figure: "until all are ready" } },
        contenders: Object.fromEntries(
          contenders.map(([name, contender]) => [name, () => idle(name, contender, connections)]),
        ),
        margins: { memory: { net: 6144 } },
      }
    }
  },
}

async function idle(name, contender, connections) {
  const place = placeFor("tcp")
  const [command, first, env] = contender
  const collecting = command === process.execPath ? ["--expose-gc", ...first] : first
  const host = started([command, collecting, env], ["hold", connections, 5, place.address], patience)
  let dialling
  try {
    const { address } = await host.next()
    const { rss: before } = await host.next()
    dialling = started(crowd(), ["dial", connections, 5, address, name === "net" ? "bare" : "zmtp"], patience)
    const { ready } = await dialling.next()
    host.tell("measure")
    const { rss: after } = await host.next()
    dialling.tell("send")
    const { messages } = await host.next()
    if (messages !== connections) throw new Error(`${name} heard ${messages} of ${connections} connections`)
    return { values: { memory: (after - before) / connections, ready } }
  } finally {
    host.kill()
    dialling?.kill()
    await Promise.allSettled([host.done, dialling?.done])
  }
}

/** How many connections the system lets one process have. Node raises its own limit to the highest allowed by itself. */
function allowed() {
  const { stdout } = spawnSync("sh", ["-c", "ulimit -H -n"], { encoding: "utf8" })
  const limit = Number.parseInt(stdout, 10)
  return Number.isNaN(limit) ? wanted : Math.max(100, limit - spare)
}

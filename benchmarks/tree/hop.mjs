// What does one more relay between two endpoints cost, and what a whole way from edge to edge? A question goes down a
// chain of relays and its answer comes up again, each relay a process of its own.
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { child } from "../harness/child.mjs"

const here = dirname(fileURLToPath(import.meta.url))
/** Relays of the long chain, and on each side of the root from edge to edge. */
const relays = 4
const side = 2
const size = 64

export default {
  name: "tree/hop",
  question: `microseconds that a message of route nearest takes through one more relay, and from edge to edge over ${2 * side + 1} hosts, 64 B`,
  runs: 3,
  *cases({ quick }) {
    // Six processes compile their hot paths on the cores that they measure with: so long until times fall no more.
    const asks = quick ? { count: 300, warmup: 100 } : { count: 14_000, warmup: 10_000 }
    yield {
      parameters: { transport: "tcp", size },
      unit: "µs",
      better: "less",
      rows: { hop: { way: "one relay" }, edge: { way: "edge to edge" } },
      targets: { hop: { net: 1.5 } },
      contenders: { zinc: () => chains("chain-zinc", asks), net: () => chains("chain-net", asks) },
    }
  },
}

/** Both lengths in one run, in turns: what differs between them is the relays. */
async function chains(name, asks) {
  const short = await roundTrip(name, 0, 0, asks)
  const long = await roundTrip(name, 0, relays, asks)
  const edge = await roundTrip(name, side, side, asks)
  return {
    values: { hop: (long.median - short.median) / 2 / relays, edge: edge.median / 2 },
    details: {
      "µs there and back without relays": short.median,
      "with relays": long.median,
      "p99 with relays": long.p99,
    },
  }
}

/** One asks below so many relays, one answers below so many others, and the root is between them. */
async function roundTrip(name, near, far, asks) {
  const program = join(here, `peer/${name}.mjs`)
  const open = []
  const begin = async (...words) => {
    const each = child(process.execPath, [program, ...words])
    open.push(each)
    return each.next()
  }
  const below = async (address, links) => {
    let at = address
    for (let i = 0; i < links; i++) ({ address: at } = await begin("relay", at))
    return at
  }
  try {
    const { address } = await begin("root")
    await begin("echo", await below(address, far))
    const asker = child(process.execPath, [program, "ask", await below(address, near), asks.count, size, asks.warmup])
    return await asker.done
  } finally {
    for (const each of open) each.dismiss()
    await Promise.all(open.map(each => each.done))
  }
}

// How long does one question and its answer take? A client asks its host, one request after another: envelope, session,
// numbering, deadline, handler, reply. The first questions warm both programs up and are not counted.
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { child } from "../harness/child.mjs"
import { warmupAsks } from "./peer/common.mjs"

const here = dirname(fileURLToPath(import.meta.url))

export default {
  name: "endpoint/round-trip",
  question: "microseconds for a request to the host and its reply, 64 B",
  async *cases() {
    yield {
      parameters: { size: 64 },
      unit: "µs",
      better: "less",
      rows: { median: { figure: "median" }, p99: { figure: "p99" } },
      contenders: { zinc: trips("zinc"), net: trips("net"), "zeromq.js": trips("zeromq-js") },
      targets: {},
    }
  },
}

function trips(name) {
  let perSecond = 5000
  return async seconds => {
    const program = join(here, `peer/${name}.mjs`)
    const host = child(process.execPath, [program, "host"])
    const { address } = await host.next()
    const asker = child(process.execPath, [
      program,
      "ask",
      warmupAsks + Math.round(perSecond * seconds),
      64,
      1,
      address,
    ])
    const { median, p99 } = await asker.done
    perSecond = Math.min(50_000, 1e6 / median)
    host.dismiss()
    await host.done
    return { values: { median, p99 } }
  }
}

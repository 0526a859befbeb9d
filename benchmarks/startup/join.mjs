// How long does joining take? In a program that has joined before, in one whose code runs for the first time, and from the
// start of the process until the first join is done. Beside a bare connection and one line each way.
import { once } from "node:events"
import { createServer } from "node:net"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { child } from "../harness/child.mjs"
import { started } from "./started.mjs"

const here = dirname(fileURLToPath(import.meta.url))

export default {
  name: "startup/join",
  question: "milliseconds for Endpoint.join, and from the start of the process until it has resolved",
  *cases() {
    yield {
      parameters: { transport: "tcp" },
      unit: "ms",
      better: "less",
      limit: { again: 10 },
      rows: { again: { join: "again" }, first: { join: "first" }, ready: { join: "from process start" } },
      contenders: { zinc, net },
    }
  },
}

async function zinc() {
  const host = child(process.execPath, [join(here, "peer/host.mjs")])
  const { address } = await host.next()
  // The host has had a guest before, as hosts mostly have.
  await started("join", address)
  const values = await started("join", address)
  host.dismiss()
  await host.done
  return { values }
}

async function net() {
  const server = createServer(socket => socket.on("error", () => {}).pipe(socket)).listen(0, "127.0.0.1")
  await once(server, "listening")
  const values = await started("net", server.address().port)
  server.close()
  return { values }
}
